"""Registry of kernels: every algorithm of every operation, by name and device.

A kernel is a function on arrays in a file of its own:

    @kernel("conv2d", name="winograd", accuracy=Accuracy(...), cost=Cost(...), abilities=...)
    def forward(x, w, g, *, bias=None): ...

Nothing else has to be edited: property tests and benchmarks run over `all_kernels()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import Any

from kernels.contract import threads
from kernels.contract.declarations import (
    SPREADS,
    Abilities,
    Accuracy,
    Cost,
    Declarations,
    flat,
)
from kernels.contract.kernel import Kernel as Kernel
from kernels.contract.placement import device_of as device_of
from kernels.contract.problem import Problem, problem_of

_registry: dict[str, dict[tuple[str, str], Kernel]] = {}
_pending: dict[str, Callable[[], None]] = {}
"""By operation: what imports the files that register its kernels, until they are imported."""
_writing = RLock()
"""Held while a table changes; not while files are imported, which have locks of their own."""
_picked: dict[Any, Kernel] = {}
"""Cache of `pick`; cleared when a kernel is registered or removed."""
MOST_PICKED = 4096
_exact: ContextVar[bool] = ContextVar("exact", default=False)
Chooser = Callable[[str, str, Problem, "list[Kernel]"], "Kernel | None"]
_chooser: Chooser | None = None
_generation = 0


def on_demand(operation: str, load: Callable[[], None]) -> None:
    """`load` imports the files of this operation, when the operation is asked for."""
    _pending[operation] = load


def _load(*operations: str) -> None:
    """Import the files of these operations that are not yet; a second caller waits for the first.

    Afterwards their kernels stand in the order of their files, whoever imported which file first.
    """
    for operation in operations:
        load = _pending.get(operation)
        if load is None:
            continue
        load()
        with _writing:
            if _pending.pop(operation, None) is not None:
                table = _registry.setdefault(operation, {})
                in_order = sorted(table.items(), key=lambda item: _file_of(item[1]))
                _registry[operation] = dict(in_order)


def _file_of(kernel: Kernel) -> tuple[bool, str]:
    """A key for sorting: our own files by name, then all others."""
    return not _is_own(kernel), kernel.function.__module__ if _is_own(kernel) else ""


def _is_own(kernel: Kernel) -> bool:
    """Whether the kernel is in the folder of its operation."""
    module = getattr(kernel.function, "__module__", None) or ""
    return module.startswith(f"kernels.{kernel.operation}.")


def choose_with(chooser: Chooser | None) -> Chooser | None:
    """Make `pick` ask `chooser` first, and use the estimated costs if it returns None.

    `chooser` takes the operation, the device, the problem and the kernels that support it. Returns
    the chooser before.
    """
    global _chooser
    before, _chooser = _chooser, chooser
    _choose_anew()
    return before


def register(kernel: Kernel) -> Kernel:
    """Add a kernel; ValueError if its operation already has that name on that device."""
    if kernel.spreads not in SPREADS:
        raise ValueError(
            f"{kernel.operation} {kernel.name}: spreads must be one of {SPREADS}, "
            f"got {kernel.spreads!r}"
        )
    if not _is_own(kernel):
        _load(kernel.operation)
    with _writing:
        algorithms = _registry.setdefault(kernel.operation, {})
        if (kernel.device, kernel.name) in algorithms:
            raise ValueError(
                f"{kernel.operation}: a kernel named {kernel.name!r} for {kernel.device!r} is "
                "registered already; give yours another name"
            )
        algorithms[kernel.device, kernel.name] = kernel
        _choose_anew()
    return kernel


def unregister(*kernels: Kernel) -> None:
    """Remove these kernels."""
    with _writing:
        for kernel in kernels:
            del _registry[kernel.operation][kernel.device, kernel.name]
        _choose_anew()


@contextmanager
def without(*kernels: Kernel) -> Iterator[None]:
    """Context in which `kernels` are not registered; afterwards the registry is as before.

    Also what is registered or removed within is undone.
    """
    global _registry
    _load(*_pending)  # a file is imported once: its kernels would be gone afterwards
    before = _registry
    _registry = {
        operation: {key: k for key, k in table.items() if k not in kernels}
        for operation, table in before.items()
    }
    _choose_anew()
    try:
        yield
    finally:
        _registry = before
        _choose_anew()


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


def is_exact() -> bool:
    """Whether this thread is within `exact_only`."""
    return _exact.get()


def generation() -> int:
    """A number that changes when `pick` may choose another kernel than before."""
    return _generation


def _choose_anew() -> None:
    """Forget what was picked: kernels, or the chooser, have changed."""
    global _generation
    _generation += 1
    _picked.clear()


def kernel(
    operation: str,
    *,
    name: str,
    device: str = "cpu",
    accuracy: Accuracy | None = None,
    cost: Cost | Callable[[Any], float] | None = None,
    abilities: Abilities | None = None,
    **keywords: Any,
) -> Callable[[Callable[..., Any]], Kernel]:
    """Decorator: register a function as an algorithm of `operation`.

    The declarations are `Accuracy`, `Cost` and `Abilities`, whose `supports` and `work` are
    functions of a Problem; or flat keywords, whose functions take the geometry `g`:

        @kernel("conv2d", name="mine", cost=lambda g: g.macs, supports=lambda g: g.groups == 1,
                error_bound=terms, spreads="padding")

    exact, error_bound, norm_wise, amplification, growth, spreads and skips_zeros are those of
    `Accuracy`; supports, prepare, rectifies, pools, into and chunked are those of `Abilities`.
    cost(g) is nanoseconds, less preparation(g) if the prepared weights are kept. TypeError for both
    ways at once.
    """
    if not isinstance(cost, Cost | None):
        keywords["cost"] = cost
    compact = [one for one in (accuracy, cost, abilities) if isinstance(one, _COMPACT)]
    if compact and keywords:
        raise TypeError(
            f"{operation} {name}: {', '.join(sorted(keywords))} beside "
            f"{', '.join(type(one).__name__ for one in compact)}; declare either by these objects, "
            "whose functions take a Problem, or by keywords, whose functions take a geometry"
        )
    if keywords:
        declared: Declarations = flat(**keywords)
    else:
        assert isinstance(cost, Cost | None)
        declared = accuracy or Accuracy(), cost or Cost(), abilities or Abilities()

    def decorate(function: Callable[..., Any]) -> Kernel:
        return register(Kernel(operation, name, device, function, *declared))

    return decorate


_COMPACT = Accuracy, Cost, Abilities


def pick(operation: str, device: str, problem: Any, algorithm: str | None = None) -> Kernel:
    """The kernel to run: the one named, or the cheapest that supports the problem.

    problem:   a `Problem`: geometry, type and options of the call. A bare geometry, or a shape for
               an operation without one, is the plain call in float32.
    algorithm: a kernel's name, which must support the problem, or "exact" for the cheapest kernel
               that sums the products of the definition; within `exact_only` no others serve.

    ValueError lists the registered kernels.
    """
    asked = operation, device, problem, algorithm, _exact.get(), threads.get_num_threads()
    found = _picked.get(asked)
    if found is None:
        found = _remembered(asked, _pick(operation, device, problem_of(problem), algorithm))
    return found


def pick_for(
    operation: str, array: Any, geometry: Any, algorithm: str | None = None, **options: Any
) -> Kernel:
    """`pick` for a call on `array`: on its device, in its type, with these options of a Problem."""
    device, dtype, count = device_of(array), array.dtype, threads.get_num_threads()
    # As quick as it can be, for every call of the engine comes here: no Problem but at the first.
    asked = operation, device, geometry, dtype, algorithm, _exact.get(), count, *options.items()
    found = _picked.get(asked)
    if found is None:
        problem = Problem(geometry, dtype, **options)
        found = _remembered(asked, _pick(operation, device, problem, algorithm))
    if not options:
        found.supported(geometry, dtype)
    return found


def _remembered(asked: Any, kernel: Kernel) -> Kernel:
    if len(_picked) >= MOST_PICKED:
        _picked.clear()
    _picked[asked] = kernel
    return kernel


def _pick(operation: str, device: str, problem: Problem, algorithm: str | None) -> Kernel:
    candidates = [k for k in all_kernels(operation) if k.device == device]
    if algorithm not in (None, "exact"):
        candidates = [k for k in candidates if k.name == algorithm]
    inexact = algorithm != "exact" and not _exact.get()
    able = [k for k in candidates if (inexact or k.exact) and k.supports(problem)]
    if not able:
        known = ", ".join(f"{k.name} ({k.device})" for k in all_kernels(operation)) or "none"
        raise ValueError(
            f"{operation}: no kernel{f' {algorithm!r}' if algorithm else ''} on {device!r} serves "
            f"{problem}; registered: {known}"
        )
    if algorithm is None and len(able) > 1 and _chooser is not None:
        chosen = _chooser(operation, device, problem, able)
        if chosen is not None:
            return chosen
    return min(able, key=lambda k: k.cost(problem))


def all_kernels(operation: str | None = None) -> list[Kernel]:
    """Every registered kernel, or those of one operation: ours by file, others as registered."""
    _load(*(_pending if operation is None else (operation,)))
    names = sorted(_registry) if operation is None else [operation]
    return [k for name in names for k in _registry.get(name, {}).values()]


def named(operation: str, name: str, device: str = "cpu") -> Kernel:
    """The kernel of that name; ValueError lists the registered ones."""
    for kernel in all_kernels(operation):
        if (kernel.name, kernel.device) == (name, device):
            return kernel
    known = ", ".join(f"{k.name} ({k.device})" for k in all_kernels(operation)) or "none"
    raise ValueError(f"{operation}: no kernel {name!r} on {device!r}; registered: {known}")
