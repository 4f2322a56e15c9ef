"""The work of a convolution kernel, and what it takes at given rates.

Each kernel counts its work (`work(problem)` beside it); the rates of all stand in one table
(`rates.py`). `Cost` (`declarations.py`) multiplies the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.contract.geometry import ConvGeometry


@dataclass(frozen=True)
class Work:
    """What one call does, all groups together.

    products: multiply-adds, those with the zeros that fill blocks up included.
    terms:    elements of windows, or of their transforms, that are laid out for them.
    outputs:  results that are written from their sums.
    weights:  elements that the weights are packed or transformed to.
    calls:    how often all of it is begun: groups, where they go one by one.
    runs:     pieces that the terms come in, each of which has to be begun: rows of windows' taps.
    """

    products: float
    terms: float
    outputs: float
    weights: float
    calls: int = 1
    runs: float = 0


@dataclass(frozen=True)
class Rates:
    """Nanoseconds of one of each; `read`: of a weight that was prepared before and is only read."""

    product: float
    term: float
    output: float
    weight: float
    call: float
    run: float = 0
    read: float = 0

    def cost(self, work: Work) -> float:
        """Nanoseconds of a call."""
        return (
            self.product * work.products
            + self.term * work.terms
            + self.output * work.outputs
            + (self.weight + self.read) * work.weights
            + self.call * work.calls
            + self.run * work.runs
        )

    def preparation(self, work: Work) -> float:
        """What of it depends on the weights alone."""
        return self.weight * work.weights


def unfolded(g: ConvGeometry) -> Work:
    """Of matrix products with windows that are laid out run by run (im2col), or added from them."""
    pixels, each, runs = g.N * g.P * g.Q, g.C // g.groups, runs_of(g)
    return Work(g.macs, runs * g.S * each, pixels * g.K, g.R * g.S * each * g.K, g.groups, runs)


def runs_of(g: ConvGeometry) -> int:
    """The rows of taps of all windows: S C/groups elements each, side by side in x."""
    return g.N * g.P * g.Q * g.groups * g.R


def up(count: int, block: int) -> int:
    """The least multiple of `block` that is not below `count`."""
    return -(-count // block) * block
