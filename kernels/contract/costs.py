"""Cost model of the convolution kernels: counts of work, and rates in nanoseconds.

Each kernel's file counts its work, `work(problem)`; the rates of all kernels are one table
(`rates.py`). `Cost` (`declarations.py`) multiplies the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.contract.geometry import ConvGeometry


@dataclass(frozen=True)
class Work:
    """The work of one call, for all groups.

    products: multiply-adds, those with the zeros that fill blocks included.
    terms:    elements of windows, or of their transforms, that are packed.
    outputs:  results that are written.
    weights:  elements of the packed or transformed weights.
    calls:    repetitions with a fixed cost: groups, if they are processed one by one.
    runs:     contiguous runs of the terms, each with a fixed cost: rows of windows' taps.
    """

    products: float
    terms: float
    outputs: float
    weights: float
    calls: int = 1
    runs: float = 0


@dataclass(frozen=True)
class Rates:
    """Nanoseconds of one unit of each kind; `read`: of a weight that is prepared and only read."""

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
        """Nanoseconds of the part that depends on the weights alone."""
        return self.weight * work.weights


def unfolded(g: ConvGeometry) -> Work:
    """The work of matrix products with im2col or col2im, run by run."""
    pixels, each, runs = g.N * g.P * g.Q, g.C // g.groups, runs_of(g)
    return Work(g.macs, runs * g.S * each, pixels * g.K, g.R * g.S * each * g.K, g.groups, runs)


def runs_of(g: ConvGeometry) -> int:
    """The number of rows of taps of all windows: S C/groups contiguous elements of x each."""
    return g.N * g.P * g.Q * g.groups * g.R


def up(count: int, block: int) -> int:
    """The least multiple of `block` that is not below `count`."""
    return -(-count // block) * block
