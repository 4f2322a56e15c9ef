"""Declarations of a kernel: `Accuracy`, `Cost` and `Abilities`.

    @kernel("conv2d", name="direct", accuracy=Accuracy(bound=terms, spreads="padding"),
            cost=Cost(work, "conv2d direct"), abilities=Abilities(prepare=prepare, rectifies=True))
    def forward(x, w, g, *, bias=None, rectify=False, prepared=None): ...

`Abilities.supports` and `Cost.work`, which are evaluated before a call, are functions of a
`Problem`: geometry, type and options. Functions of sums of products (bounds), of weights or of
planes alone take the geometry. The functions of the flat keywords of `kernel` (`supports=`,
`cost=`) take the geometry too; `flat` converts them to the same objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kernels.contract.bound import Call
from kernels.contract.problem import Problem
from kernels.contract.rates import FITTED

SPREADS = ("nowhere", "padding", "plane")


def everything(problem: Any) -> bool:
    """The default of `supports`: every problem."""
    return True


def one(g: Any) -> float:
    """The default amplification, of a kernel that sums the products of the definition."""
    return 1.0


def free(problem: Any) -> float:
    """The default cost, for the only kernel of its operation."""
    return 0.0


def never(g: Any, pool: Any) -> bool:
    """The default of `pools`: no pooling."""
    return False


@dataclass(frozen=True)
class Accuracy:
    """Bounds on the difference between a result and the definition's.

    exact:     it sums the products of the definition (in any order).
    bound:     |result - true| <= bound(g) * eps * (sum of the absolute products), or None if the
               error does not have that form.
    norm_wise: instead of the absolute products the bound has the sum over channels of the largest
               |x| of a plane times the sum of |w| over the whole window, at the border too.
               Transforms mix pixels, so a small one has the error of its largest neighbour.
    amplification: the ratio of the terms that are added to the absolute products, at most; part of
               `bound`. 1 by default; the constants of a transform make it larger.
    growth:    values on the way to a result are at most growth times as large as the operands, as a
               sum of their magnitudes over a plane or window, or as the sum in the bound. While
               growth times each of these is below the largest number of the type, nothing
               overflows and the bound holds. 1 where the products of the definition are summed;
               None: not stated.
    spreads:   where NaN and infinity appear beyond the definition. "nowhere"; "padding": zeros of
               the padding, between pixels, or between the taps of a dilated filter, are multiplied
               like pixels; "plane": in the whole output planes that depend on the plane or window
               with the NaN.
    skips_zeros: products with a zero may be left out, as some BLAS do, so that 0 times NaN is 0.
    """

    exact: bool = True
    bound: Callable[[Any], float] | None = None
    norm_wise: bool = False
    amplification: Callable[[Any], float] = one
    spreads: str = "nowhere"
    skips_zeros: bool = False
    growth: Callable[[Any], float] | None = None


class Priced(Protocol):
    """Rates: nanoseconds of a call's work, in all and for the preparation of the weights."""

    def cost(self, work: Any) -> float: ...

    def preparation(self, work: Any) -> float: ...


@dataclass(frozen=True)
class Cost:
    """Estimated nanoseconds of a call on two cores, which `pick` compares.

    work:  the work of a call, which the rates convert to nanoseconds; without rates, nanoseconds.
    rates: the kernel's name in the table of fitted rates (`rates.py`), or rates of another kind.
    preparation: without rates, the nanoseconds saved if the result of `prepare` is kept.
    operations: floating-point operations really done for a geometry (`operations.Operations`); None
                if they are the definition's.
    """

    work: Callable[[Problem], Any] = free
    rates: str | Priced | None = None
    preparation: Callable[[Problem], float] = free
    operations: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.rates, str) and self.rates not in FITTED:
            raise ValueError(f"no rates {self.rates!r}; there are {', '.join(FITTED)}")

    def nanoseconds(self, problem: Problem, kept: bool = False) -> float:
        """Nanoseconds of one call, without the preparation if its result is `kept`."""
        work = self.work(problem)
        if self.rates is None:
            return float(work - (self.preparation(problem) if kept else 0.0))
        rates = FITTED[self.rates].here if isinstance(self.rates, str) else self.rates
        return rates.cost(work) - (rates.preparation(work) if kept else 0.0)


@dataclass(frozen=True)
class Abilities:
    """Capabilities of a kernel.

    supports:  whether it can solve this problem.
    prepare:   prepare(w, g) returns what depends on the weights alone, for any batch size. A caller
               keeps it while the weights do not change, and passes it to each call as `prepared`.
    rectifies: it takes `rectify=True` and then writes max(y, 0).
    pools:     whether it can pool its result y itself by this PoolGeometry. Then it takes `pool`
               and returns the pooled values and their switches.
    into:      it takes `out`, an array from `memory.empty` or some images of one (for several
               results a tuple), and writes its result there.
    chunked:   its buffers take about `memory.chunk()` bytes, and it works with a smaller chunk.
    bind:      bind(x, w, g, y, options) -> Call: everything of a call on these arrays but its run,
               which writes y and may be repeated (`bound.py`).
    wide:      `bind` also takes some channels of a wider channels-last array for y.
    """

    supports: Callable[[Problem], bool] = everything
    prepare: Callable[[np.ndarray, Any], Any] | None = None
    rectifies: bool = False
    pools: Callable[[Any, Any], bool] = never
    into: bool = False
    chunked: bool = False
    bind: Callable[..., Call] | None = None
    wide: bool = False

    def serve(self, problem: Problem) -> bool:
        """Whether it supports the problem, with every option of the call."""
        if problem.rectify and not self.rectifies:
            return False
        if problem.pool is not None and not self.pools(problem.geometry, problem.pool):
            return False
        return bool(self.supports(problem))


Declarations = tuple[Accuracy, Cost, Abilities]
_ACCURACY = ("exact", "norm_wise", "amplification", "spreads", "skips_zeros", "growth")
_ABILITIES = ("prepare", "rectifies", "pools", "into", "chunked")


def flat(
    *,
    supports: Callable[[Any], bool] | None = None,
    cost: Callable[[Any], float] | None = None,
    preparation: Callable[[Any], float] | None = None,
    error_bound: Callable[[Any], float] | None = None,
    operations: Callable[[Any], Any] | None = None,
    **others: Any,
) -> Declarations:
    """The declarations from flat keywords, whose functions take the geometry `g` alone.

    TypeError for an unknown keyword.
    """
    unknown = set(others) - set(_ACCURACY) - set(_ABILITIES)
    if unknown:
        raise TypeError(
            f"kernel() has no keyword {', '.join(sorted(unknown))}; there are supports, cost, "
            f"preparation, error_bound, operations, {', '.join((*_ACCURACY, *_ABILITIES))}"
        )
    accuracy = Accuracy(bound=error_bound, **{k: others[k] for k in _ACCURACY if k in others})
    abilities = {k: others[k] for k in _ABILITIES if k in others}
    if supports is not None:
        abilities["supports"] = _OfGeometry(supports)
    made = Cost(
        free if cost is None else _OfGeometry(cost),
        preparation=free if preparation is None else _OfGeometry(preparation),
        operations=operations,
    )
    return accuracy, made, Abilities(**abilities)


@dataclass(frozen=True)
class _OfGeometry:
    """A function of a geometry, as a function of a problem."""

    function: Callable[[Any], Any]

    def __call__(self, problem: Problem) -> Any:
        return self.function(problem.geometry)
