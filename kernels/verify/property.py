"""Property: a sentence that holds for every call of a kernel, and the function that checks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.verify.arrays import FILLS
from kernels.verify.calls import OPERATIONS, Call, calls, make
from kernels.verify.measured import measure
from kernels.verify.strata import Stratum
from kernels.verify.verdicts import Inapplicable, Violation, assume

__all__ = [
    "PROPERTIES",
    "Inapplicable",
    "Property",
    "Violation",
    "agree",
    "assume",
    "holds",
    "require",
    "same",
]

PROPERTIES: dict[str, Property] = {}


@dataclass(frozen=True)
class Property:
    """A sentence about the kernels of some operations.

    check:    called with the kernel, a call and `extras`, drawn by these strategies; raises
              Violation, or returns how much of a limit it used (of the statistical line), or None.
    applies:  kernels of `operations` that it concerns.
    threads:  run with all threads; tiny calls use one, since two would wait longer for each other
              than they compute.
    launched: the most threads that it sets, which have to be launched before `kernels` is imported.
    listed:   its geometries are those of a stratum, each tried once, instead of drawn ones.
    given:    its geometries are these, which the user named, instead of drawn ones.
    own:      it draws geometries of its own, so that none can be given.
    share:    of the examples of a profile; fewer for a property whose examples take long.

    A property is called like its function:

    >>> import kernels
    >>> relu, call = kernels.named("relu", "elementwise"), make("relu", (4,), "normal", 0)
    >>> PROPERTIES["definition"](relu, call)
    """

    name: str
    sentence: str
    operations: tuple[str, ...]
    check: Callable[..., float | None]
    applies: Callable[[Kernel], bool]
    drawn: Mapping[str, Any]
    extras: Mapping[str, st.SearchStrategy[Any]]
    threads: bool
    listed: Stratum | None = None
    share: float = 1.0
    launched: int = 0
    own: bool = False
    given: tuple[Any, ...] = ()

    def __call__(self, kernel: Kernel, call: Call, **extras: Any) -> float | None:
        """Violation unless it holds for this call; returns what `check` does."""
        return self.check(kernel, call, **extras)

    def concerns(self, kernel: Kernel) -> bool:
        return kernel.operation in self.operations and self.applies(kernel)

    def examples(
        self, kernel: Kernel, device: str, g: Any = None
    ) -> st.SearchStrategy[tuple[Call, dict[str, Any]]]:
        """Strategy of the calls and extras for `check`; a CUDA kernel computes on `device`.

        With `g`, calls of this geometry.
        """
        settings = dict(self.drawn)
        if self.share < 1 and kernel.device == "cuda" and device == "emulator":
            settings["large"] = False  # a sequence of large calls takes the emulator minutes
        drawn = calls(kernel, **settings, device=device, g=g)
        return st.tuples(drawn, st.fixed_dictionaries(dict(self.extras)))

    def listed_call(
        self, kernel: Kernel, g: Any, turn: int, rng: np.random.Generator, device: str
    ) -> Call:
        """A call of the listed geometry `g`, without options; types and fills in turn."""
        its, fills = OPERATIONS[kernel.operation], self.drawn["fills"]
        able = [t for t in self.drawn["dtypes"] if supports(kernel, Problem(g, np.dtype(t)))]
        fill, dtype = fills[int(rng.integers(len(fills)))], able[turn % len(able)]
        call = make(kernel.operation, g, fill, int(rng.integers(2**32)), dtype)
        for name, shape in its.optional(g).items() if self.drawn["optional"] and turn else ():
            call.options[name] = FILLS[fill](shape, rng, dtype)
        return replace(call, device=device)


def holds(
    name: str,
    *operations: str,
    applies: Callable[[Kernel], bool] = lambda kernel: True,
    fills: tuple[str, ...] = ("normal",),
    large: bool | None = False,
    optional: bool = False,
    dtypes: tuple[Any, ...] = (np.float32, np.float64),
    threads: bool = False,
    listed: Stratum | None = None,
    share: float = 1.0,
    launched: int = 0,
    own: bool = False,
    **extras: st.SearchStrategy[Any],
) -> Callable[[Callable[..., float | None]], Callable[..., float | None]]:
    """Decorator: makes the function's docstring a property of `operations` (of all, if none).

    The function takes a kernel, a call that the kernel supports, and what `extras` draw by their
    names; it raises Violation, by `require`, `agree` or `same`. The keywords are the fields of
    `Property`, and those of `calls_of`. ValueError if a property has that name.

        @holds("monotonous", "relu")
        def grows_with_its_input(kernel, call):
            "A larger input gives no smaller result."
            (y,), (more,) = call.run(kernel), call.each(lambda x: x + 1).run(kernel)
            require((more >= y).all(), "a result is smaller")

    >>> holds("definition")(print)
    Traceback (most recent call last):
        ...
    ValueError: two properties are named 'definition'
    """

    def declare(check: Callable[..., float | None]) -> Callable[..., float | None]:
        if name in PROPERTIES:
            raise ValueError(f"two properties are named {name!r}")
        sentence = " ".join((check.__doc__ or "").split())
        drawn = {"fills": fills, "large": large, "dtypes": dtypes, "optional": optional}
        concerned = operations or tuple(OPERATIONS)
        PROPERTIES[name] = Property(
            name, sentence, concerned, check, applies, drawn, extras, threads, listed, share,
            launched, own,
        )  # fmt: skip
        return check

    return declare


def require(truth: object, message: str) -> None:
    """Raises a Violation with `message` unless `truth`.

    >>> require(1 + 1 == 2, "arithmetic is broken")
    """
    if not truth:
        raise Violation(message)


def agree(
    found: ArrayLike, wanted: ArrayLike, bound: np.ndarray | float = 0.0, what: str = ""
) -> None:
    """Raises a Violation unless every element is within its bound; it names the worst one.

    bound: an absolute error, of all elements or of each; a NaN is beyond every bound.
    what:  the beginning of the message.

    >>> agree([1.0, 2.5], [1.0, 2.0], 0.25)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    Violation: at (1,) the result is 2.5, expected 2: off by 0.5, where 0.25 is allowed
    """
    what, result, expected = f"{what}: " if what else "", np.asarray(found), np.asarray(wanted)
    require(
        result.shape == expected.shape,
        f"{what}the result's shape is {result.shape}, not {expected.shape}",
    )
    with np.errstate(invalid="ignore"):
        error = np.abs(result.astype(np.float64) - expected.astype(np.float64))
    measure(error, bound)
    exceeds = ~(error <= bound)
    if not exceeds.any():
        return
    with np.errstate(invalid="ignore"):
        excess = np.where(np.isnan(error), np.inf, error - bound)
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), result.shape))
    allowed = np.broadcast_to(bound, result.shape)[where]
    wrong = int(exceeds.sum())
    raise Violation(
        f"{what}at {where} the result is {result[where]:.9g}, expected {expected[where]:.9g}: off "
        f"by {error[where]:.3g}, where {float(allowed):.3g} is allowed ({wrong} of {result.size} "
        "elements are off by too much)"
    )


def same(result: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Raises a Violation unless all values are equal, NaN included; `what` begins its message.

    >>> same(np.array([1.0, np.nan]), np.array([1.0, np.nan]), "a copy")
    """
    require(
        result.shape == expected.shape,
        f"{what}: the result's shape is {result.shape}, not {expected.shape}",
    )
    unlike = np.argwhere((result != expected) & ~(np.isnan(result) & np.isnan(expected)))
    for where in (tuple(int(i) for i in index) for index in unlike[:1]):
        raise Violation(
            f"{what}: at {where} the result is {result[where]:.9g}, expected "
            f"{expected[where]:.9g} ({len(unlike)} of {result.size} elements differ)"
        )
