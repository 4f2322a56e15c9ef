"""`Kernel`: one algorithm of one operation on one device, with its declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.arrays import device_kind
from kernels.contract.declarations import Abilities, Accuracy, Cost, everything, one
from kernels.contract.placement import check_place
from kernels.contract.problem import FLOAT32, Problem, problem_of

PLAIN, FREE, ANYTHING = Accuracy(), Cost(), Abilities()
"""The declarations of a kernel that makes none."""


@dataclass(frozen=True)
class Kernel:
    """One algorithm of one operation on one device, with its declarations.

    Call it like its function.
    """

    operation: str
    name: str
    device: str
    function: Callable[..., Any]
    accuracy: Accuracy = PLAIN
    estimate: Cost = FREE
    abilities: Abilities = ANYTHING
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The last plain call that was checked: geometry, type, and whether it may be rectified."""

    def supports(self, asked: Any) -> bool:
        """Whether it supports this Problem, or a plain call of this geometry in float32."""
        return self.abilities.serve(problem_of(asked))

    def cost(self, asked: Any) -> float:
        """Estimated nanoseconds of this Problem, or of a plain call of this geometry in float32."""
        problem = problem_of(asked)
        return self.estimate.nanoseconds(problem, problem.prepared and self.prepare is not None)

    @property
    def exact(self) -> bool:
        return self.accuracy.exact

    @property
    def error_bound(self) -> Callable[[Any], float] | None:
        return self.accuracy.bound

    @property
    def norm_wise(self) -> bool:
        return self.accuracy.norm_wise

    @property
    def amplification(self) -> Callable[[Any], float]:
        return self.accuracy.amplification

    @property
    def growth(self) -> Callable[[Any], float] | None:
        stated = self.accuracy.growth
        return one if stated is None and self.exact else stated

    @property
    def spreads(self) -> str:
        return self.accuracy.spreads

    @property
    def skips_zeros(self) -> bool:
        return self.accuracy.skips_zeros

    @property
    def prepare(self) -> Callable[[np.ndarray, Any], Any] | None:
        return self.abilities.prepare

    @property
    def operations(self) -> Callable[[Any], Any] | None:
        return self.estimate.operations

    @property
    def rectifies(self) -> bool:
        return self.abilities.rectifies

    @property
    def pools(self) -> Callable[[Any, Any], bool]:
        return self.abilities.pools

    @property
    def into(self) -> bool:
        return self.abilities.into

    @property
    def chunked(self) -> bool:
        return self.abilities.chunked

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run on arrays of any strides; `memory.counters` counts copies to canonical form.

        ValueError for a call that its `supports` or its abilities exclude.
        """
        floats: list[np.ndarray] = []
        canonical = [self._canonical(a, floats) for a in args]
        named = {k: self._option(k, a, floats) for k, a in options.items()} if options else options
        if floats:
            memory.common_float(floats, self.operation)
        self._check(args, options, floats[0].dtype if floats else FLOAT32)
        if _observer is not None:
            _observer(self, args, options)
        with threads.region():
            return self.function(*canonical, **named)

    def prepared(self, w: np.ndarray, g: Any) -> Any:
        """The prepared weights w, for any batch size; None if the kernel prepares nothing."""
        if self.prepare is None:
            return None
        with threads.region():
            return self.prepare(self._canonical(w, []), g)

    def supported(self, geometry: Any, dtype: np.dtype) -> None:
        """Note that it supports a plain call of this geometry, which need not be checked again."""
        self._known["call"] = geometry, dtype, self.rectifies

    def _check(self, args: tuple[Any, ...], options: dict[str, Any], dtype: np.dtype) -> None:
        """ValueError unless it supports this call; quick if it is the one that was checked last."""
        rectify, plain = False, not options
        if options:
            rectify = bool(options.get("rectify"))
            plain = options.get("pool") is None and "collisions" not in options
        if plain and not rectify and self.abilities.supports is everything:
            return
        geometry = _geometry(args, options)
        known = self._known.get("call", _NOTHING)
        if plain and known[0] is geometry and known[1] is dtype and known[2] >= rectify:
            return
        problem = Problem.of_call(geometry, dtype, options)
        if not self.abilities.serve(problem):
            raise ValueError(
                f"{self.operation} {self.name} does not support {problem}; "
                f"kernels.pick({self.operation!r}, {self.device!r}, problem) returns a kernel that "
                "does"
            )
        if plain:
            self._known["call"] = geometry, dtype, rectify

    def _option(self, name: str, value: Any, floats: list[np.ndarray]) -> Any:
        """An option in canonical form; prepared weights stay as they are, even with four axes.

        ValueError for an `out` that is not canonical: the result would be written to its copy.
        """
        if name == "out":
            for array in value if isinstance(value, tuple) else (value,):
                if device_kind(array) is None:
                    continue
                check_place(array, self.device, f"{self.operation} {self.name}")
                if not memory.takes_results(array):
                    raise ValueError(
                        f"{self.operation}: out {array.shape} with strides {array.strides} must "
                        "be packed, as memory.empty makes it, to be changed in place"
                    )
            return value
        if name == "prepared" and type(value) is np.ndarray and self.device == "cpu":
            floats.append(value)
            return value
        return self._canonical(value, floats)

    def _canonical(self, value: Any, floats: list[np.ndarray]) -> Any:
        """An array in canonical form, if it is on this kernel's device; anything else unchanged.

        Arrays that are not of integers are added to `floats`.
        """
        if type(value) is not np.ndarray or self.device != "cpu":  # fast path of the common case
            if device_kind(value) is None:
                return value
            check_place(value, self.device, f"{self.operation} {self.name}")
        array = memory.canonicalise(value)
        if array.dtype.kind not in "iub":
            floats.append(array)
        return array


def _geometry(args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The geometry of a call; the shape of its arrays for an operation without one."""
    last: Any = options["g"] if "g" in options else args[-1] if args else None
    return last.shape if hasattr(last, "dtype") else last


_NOTHING = (None, None, False)

Observer = Callable[[Kernel, "tuple[Any, ...]", "dict[str, Any]"], None]
_observer: Observer | None = None


def is_observed() -> bool:
    """Whether every kernel's calls are watched (`observed`)."""
    return _observer is not None


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Context in which `observer` is called before each kernel, with its arguments."""
    global _observer
    before, _observer = _observer, observer
    try:
        yield
    finally:
        _observer = before
