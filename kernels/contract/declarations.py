"""The declarations of a kernel: `Accuracy`, `Cost` and `Abilities`.

    @kernel("conv2d", name="direct", accuracy=Accuracy(bound=terms, spreads="padding"),
            cost=Cost(work, "conv2d direct"), abilities=Abilities(prepare=prepare, rectifies=True))
    def forward(x, w, g, *, bias=None, rectify=False, prepared=None): ...

What is asked before a call, `Abilities.supports` and `Cost.work`, is asked about a `Problem`:
geometry, type and options. What is about sums of products (bounds), weights and planes alone takes
the geometry. The flat keywords of `kernel` (`supports=`, `cost=` as a function) take the geometry
too: `flat` makes the same objects of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kernels.contract.problem import Problem
from kernels.contract.rates import FITTED

SPREADS = ("nowhere", "padding", "plane")


def everything(problem: Any) -> bool:
    """What a kernel supports that says nothing else."""
    return True


def one(g: Any) -> float:
    """The amplification of a kernel that sums products as they are."""
    return 1.0


def free(problem: Any) -> float:
    """The cost of a kernel that states none: the only one of its operation."""
    return 0.0


def never(g: Any, pool: Any) -> bool:
    """What a kernel pools that says nothing else."""
    return False


@dataclass(frozen=True)
class Accuracy:
    """How far a result may be from the definition's.

    exact:     it sums the products of the definition (in any order).
    bound:     |result - true| <= bound(g) * eps * (sum of the absolute products), or None where the
               error is not of that form.
    norm_wise: the bound is not on the absolute products but on the sum over channels of the largest
               |x| of a plane times the sum of |w| over the whole window, at the border too:
               transforms mix pixels, so a small one has the error of its largest neighbour.
    amplification: how many times larger than the absolute products the terms may be that it adds;
               part of `bound`. 1 unless stated: a transform's constants make them larger.
    spreads:   how far NaN and infinity go beyond the definition: "nowhere"; "padding": zeros of the
               padding, or between pixels, are multiplied like pixels; "plane": over the planes of
               the output that the plane or window which holds them goes into.
    """

    exact: bool = True
    bound: Callable[[Any], float] | None = None
    norm_wise: bool = False
    amplification: Callable[[Any], float] = one
    spreads: str = "nowhere"


class Priced(Protocol):
    """Rates: nanoseconds of work of one kind, in all and for the weights' preparation."""

    def cost(self, work: Any) -> float: ...

    def preparation(self, work: Any) -> float: ...


@dataclass(frozen=True)
class Cost:
    """Estimated nanoseconds of a call on two cores, which `pick` compares.

    work:  what a call does, to be multiplied by the rates; without rates its nanoseconds.
    rates: the kernel's name in the table of fitted rates (`rates.py`), or rates of another kind.
    preparation: the part that a caller who keeps what `prepare` gives is spared, where there are no
                 rates to say so.
    operations: floating-point operations really done for a geometry (`operations.Operations`); None
                where they are the definition's.
    """

    work: Callable[[Problem], Any] = free
    rates: str | Priced | None = None
    preparation: Callable[[Problem], float] = free
    operations: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.rates, str) and self.rates not in FITTED:
            raise ValueError(f"no rates {self.rates!r}; there are {', '.join(FITTED)}")

    def nanoseconds(self, problem: Problem, kept: bool = False) -> float:
        """Of one call; less the preparation where what it gives is `kept`."""
        work = self.work(problem)
        if self.rates is None:
            return float(work - (self.preparation(problem) if kept else 0.0))
        rates = FITTED[self.rates].here if isinstance(self.rates, str) else self.rates
        return rates.cost(work) - (rates.preparation(work) if kept else 0.0)


@dataclass(frozen=True)
class Abilities:
    """What a kernel can do.

    supports:  may it serve this problem?
    prepare:   what depends on the weights alone, from prepare(w, g): a caller who keeps it while
               the weights stay gives it to each call as `prepared`. It serves any batch size.
    rectifies: it takes `rectify=True`, and writes max(y, 0) for y.
    pools:     may it pool its result y itself, as a PoolGeometry of y says? Then it takes `pool`
               and gives the pooled values and their switches.
    into:      it takes `out`, an array as `memory.empty` makes it or some images of one (for
               several results a tuple), and writes there.
    chunked:   it lays out `memory.chunk()` bytes at a time, about, and can do with fewer.
    """

    supports: Callable[[Problem], bool] = everything
    prepare: Callable[[np.ndarray, Any], Any] | None = None
    rectifies: bool = False
    pools: Callable[[Any, Any], bool] = never
    into: bool = False
    chunked: bool = False

    def serve(self, problem: Problem) -> bool:
        """Does it serve the problem, with every option that is asked for?"""
        if problem.rectify and not self.rectifies:
            return False
        if problem.pool is not None and not self.pools(problem.geometry, problem.pool):
            return False
        return bool(self.supports(problem))


Declarations = tuple[Accuracy, Cost, Abilities]
_ACCURACY = ("exact", "norm_wise", "amplification", "spreads")
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
    """The declarations of flat keywords, whose functions take the geometry `g` alone.

    TypeError for a keyword that there is not.
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
    """A function of a geometry, as one of a problem."""

    function: Callable[[Any], Any]

    def __call__(self, problem: Problem) -> Any:
        return self.function(problem.geometry)
