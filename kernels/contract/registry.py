"""Every algorithm of every operation, found by name.

A kernel is a function on arrays in a file of its own:

    @kernel("conv2d", name="winograd", device="cpu", exact=False, supports=..., cost=...)
    def forward(x, w, g, *, bias=None): ...

Dropping the file in is all: property tests and benchmarks run over `all_kernels()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.arrays import device_kind
from kernels.contract.placement import check_place
from kernels.contract.placement import device_of as device_of


def everything(g: Any) -> bool:
    """What a kernel supports that says nothing else."""
    return True


def one(g: Any) -> float:
    """The amplification of a kernel that sums products as they are."""
    return 1.0


def nothing(g: Any) -> float:
    """The preparation of a kernel that prepares nothing."""
    return 0.0


def never(g: Any, pool: Any) -> bool:
    """What a kernel pools that says nothing else."""
    return False


SPREADS = ("nowhere", "padding", "plane")


@dataclass(frozen=True)
class Kernel:
    """One algorithm of one operation on one device; call it like its function.

    exact:        it sums the products of the definition (in any order).
    supports:     may it serve this geometry?
    cost:         estimated nanoseconds for a geometry on a machine of two cores; `pick` compares.
    error_bound:  |result - true| <= error_bound(g) * eps * (sum of the absolute products), or None
                  where the error is not of that form.
    norm_wise:    the bound is not on the absolute products but on the sum over channels of the
                  largest |x| of a plane times the sum of |w| over the whole window, at the
                  border too: transforms mix pixels, so a small one has the error of its largest
                  neighbour.
    amplification: how many times larger than the absolute products the terms may be that it adds;
                  part of `error_bound`. 1 unless stated: a transform's constants make them larger.
    spreads:      how far NaN and infinity go beyond the definition: "nowhere"; "padding": zeros of
                  the padding, or between pixels, are multiplied like pixels; "plane": over the
                  planes of the output that the plane or window which holds them goes into.
    prepare:      what depends on the weights alone, from prepare(w, g): a caller who keeps it while
                  the weights stay gives it to each call as `prepared`. It serves any batch size.
    preparation:  the part of `cost` that a caller who keeps what `prepare` gives is spared.
    rectifies:    it takes `rectify=True`, and writes max(y, 0) for y.
    pools:        may it pool its result y itself, as a PoolGeometry of y says? Then it takes `pool`
                  and gives the pooled values and their switches.
    into:         it takes `out`, an array as `memory.empty` makes it or some images of one (for
                  several results a tuple), and writes there.
    chunked:      it lays out `memory.chunk()` bytes at a time, about, and can do with fewer.
    """

    operation: str
    name: str
    device: str
    function: Callable[..., Any]
    exact: bool
    supports: Callable[[Any], bool]
    cost: Callable[[Any], float]
    error_bound: Callable[[Any], float] | None
    norm_wise: bool = False
    spreads: str = "nowhere"
    prepare: Callable[[np.ndarray, Any], Any] | None = None
    preparation: Callable[[Any], float] = nothing
    rectifies: bool = False
    pools: Callable[[Any, Any], bool] = never
    chunked: bool = False
    into: bool = False
    amplification: Callable[[Any], float] = one

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run on arrays of any strides: the door's copies are counted in `memory.counters`."""
        floats: list[np.ndarray] = []
        admitted = [self._admitted(a, floats) for a in args]
        named = {k: self._option(k, a, floats) for k, a in options.items()} if options else options
        if floats:
            memory.common_float(floats, self.operation)
        with threads.region():
            return self.function(*admitted, **named)

    def prepared(self, w: np.ndarray, g: Any) -> Any:
        """What the weights w give for any batch; None if the kernel prepares nothing."""
        if self.prepare is None:
            return None
        with threads.region():
            return self.prepare(self._admitted(w, []), g)

    def _option(self, name: str, value: Any, floats: list[np.ndarray]) -> Any:
        """As an argument; but what the kernel prepared stays as it made it, also of four axes."""
        if name == "prepared" and type(value) is np.ndarray and self.device == "cpu":
            floats.append(value)
            return value
        return self._admitted(value, floats)

    def _admitted(self, value: Any, floats: list[np.ndarray]) -> Any:
        """An array through the door, if it is of this kernel's device; anything else as it is.

        Arrays of something else than integers are added to `floats`.
        """
        if type(value) is not np.ndarray or self.device != "cpu":  # what mostly is, quickly seen
            if device_kind(value) is None:
                return value
            check_place(value, self.device, f"{self.operation} {self.name}")
        array = memory.admit(value)
        if array.dtype.kind not in "iub":
            floats.append(array)
        return array


_registry: dict[str, dict[tuple[str, str], Kernel]] = {}
_picked: dict[Any, Kernel] = {}
"""What `pick` found, as long as the same kernels are registered."""
MOST_PICKED = 4096
_exact: ContextVar[bool] = ContextVar("exact", default=False)
Chooser = Callable[[str, str, Any, bool, "list[Kernel]"], "Kernel | None"]
_chooser: Chooser | None = None


def choose_with(chooser: Chooser | None) -> Chooser | None:
    """From now on `pick` asks `chooser` first, and the estimated costs where it returns None.

    It is given the operation, the device, the geometry, whether weights are kept prepared, and the
    kernels that serve. Returns the one before.
    """
    global _chooser
    before, _chooser = _chooser, chooser
    _picked.clear()
    return before


def register(kernel: Kernel) -> Kernel:
    """Add a kernel; ValueError if its operation already has that name on that device."""
    if kernel.spreads not in SPREADS:
        raise ValueError(
            f"{kernel.operation} {kernel.name}: spreads must be one of {SPREADS}, "
            f"got {kernel.spreads!r}"
        )
    algorithms = _registry.setdefault(kernel.operation, {})
    if (kernel.device, kernel.name) in algorithms:
        raise ValueError(
            f"{kernel.operation}: a kernel named {kernel.name!r} for {kernel.device!r} is "
            "registered already; give yours another name"
        )
    algorithms[kernel.device, kernel.name] = kernel
    _picked.clear()
    return kernel


def unregister(*kernels: Kernel) -> None:
    """Forget these kernels."""
    for kernel in kernels:
        del _registry[kernel.operation][kernel.device, kernel.name]
    _picked.clear()


@contextmanager
def without(*kernels: Kernel) -> Iterator[None]:
    """Within it `kernels` are not registered; after it everything is as it was before."""
    global _registry
    before = _registry
    _registry = {
        operation: {key: k for key, k in table.items() if k not in kernels}
        for operation, table in before.items()
    }
    _picked.clear()
    try:
        yield
    finally:
        _registry = before
        _picked.clear()


@contextmanager
def exact_only() -> Iterator[None]:
    """Within it `pick` admits only kernels that sum the products of the definition.

    It holds for this Python thread, and for what runs in its context: others pick as before.
    """
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)


def kernel(
    operation: str,
    *,
    name: str,
    device: str = "cpu",
    exact: bool = True,
    supports: Callable[[Any], bool] = everything,
    cost: Callable[[Any], float] = lambda g: 0.0,
    error_bound: Callable[[Any], float] | None = None,
    norm_wise: bool = False,
    spreads: str = "nowhere",
    prepare: Callable[[np.ndarray, Any], Any] | None = None,
    preparation: Callable[[Any], float] = nothing,
    rectifies: bool = False,
    pools: Callable[[Any, Any], bool] = never,
    chunked: bool = False,
    into: bool = False,
    amplification: Callable[[Any], float] = one,
) -> Callable[[Callable[..., Any]], Kernel]:
    """Decorator: register a function as an algorithm of `operation`."""

    def decorate(function: Callable[..., Any]) -> Kernel:
        return register(
            Kernel(
                *(operation, name, device, function, exact, supports, cost, error_bound),
                norm_wise=norm_wise,
                spreads=spreads,
                prepare=prepare,
                preparation=preparation,
                rectifies=rectifies,
                pools=pools,
                chunked=chunked,
                into=into,
                amplification=amplification,
            )
        )

    return decorate


def pick(
    operation: str,
    device: str,
    geometry: Any,
    algorithm: str | None = None,
    *,
    prepared: bool = False,
) -> Kernel:
    """The kernel to run: the one named, or the cheapest that supports the geometry.

    `algorithm` is a kernel's name, which then must serve, or "exact" for the cheapest of those that
    sum the products of the definition; within `exact_only` no others serve. `prepared` says that
    the caller keeps what a kernel prepares of the weights, which then costs nothing. ValueError
    lists what there is.
    """
    asked = operation, device, geometry, algorithm, prepared, _exact.get()
    key = (*asked, threads.get_num_threads())
    if key not in _picked:
        kernel = _pick(*asked)
        if len(_picked) >= MOST_PICKED:
            _picked.clear()
        _picked[key] = kernel
    return _picked[key]


def _pick(
    operation: str, device: str, geometry: Any, algorithm: str | None, prepared: bool, exact: bool
) -> Kernel:
    candidates = [k for k in all_kernels(operation) if k.device == device]
    if algorithm not in (None, "exact"):
        candidates = [k for k in candidates if k.name == algorithm]
    inexact = algorithm != "exact" and not exact
    able = [k for k in candidates if (inexact or k.exact) and k.supports(geometry)]
    if not able:
        known = ", ".join(f"{k.name} ({k.device})" for k in all_kernels(operation)) or "none"
        raise ValueError(
            f"{operation}: no kernel{f' {algorithm!r}' if algorithm else ''} on {device!r} serves "
            f"{geometry}; registered: {known}"
        )
    if algorithm is None and len(able) > 1 and _chooser is not None:
        chosen = _chooser(operation, device, geometry, prepared, able)
        if chosen is not None:
            return chosen
    if prepared:
        return min(able, key=lambda k: k.cost(geometry) - k.preparation(geometry))
    return min(able, key=lambda k: k.cost(geometry))


def all_kernels(operation: str | None = None) -> list[Kernel]:
    """Every registered kernel, or those of one operation, in order of registration."""
    tables = _registry.values() if operation is None else [_registry.get(operation, {})]
    return [k for table in tables for k in table.values()]


def named(operation: str, name: str, device: str = "cpu") -> Kernel:
    """The kernel of that name; ValueError lists what there is."""
    for kernel in all_kernels(operation):
        if (kernel.name, kernel.device) == (name, device):
            return kernel
    known = ", ".join(f"{k.name} ({k.device})" for k in all_kernels(operation)) or "none"
    raise ValueError(f"{operation}: no kernel {name!r} on {device!r}; registered: {known}")
