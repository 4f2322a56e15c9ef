"""Rows of results: what was timed, and what follows from it.

Contenders take turns, so a ratio is formed round by round, from two times that were taken close to
each other, and its median and spread are of those ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.cases import Case, Contender
from bench.machine import Machine, Share
from bench.operations import of


@dataclass(frozen=True)
class Row:
    """One contender on one case.

    seconds: a call's, one number a round; empty if it was not timed.
    memory:  bytes that a call raised resident memory by at most, its result included; None where
             the system cannot tell.
    peak:    the most bytes that the process held during that call, or None.
    share:   of the error bound that its result used; None if that is no number.
    picked:  it is what minidl takes by itself.
    operations: floating-point operations that a call really did; None where nobody knows: of a
             library's products.
    problem: why it was not timed: "WRONG: ...", "failed: ..." and so on; "" if it was.
    """

    case: Case
    contender: Contender
    seconds: tuple[float, ...] = ()
    memory: int | None = None
    peak: int | None = None
    share: float | None = None
    picked: bool = False
    operations: int | None = None
    problem: str = ""

    @property
    def time(self) -> float:
        return float(np.median(self.seconds))

    @property
    def gflops(self) -> float:
        """The effective rate, of the definition's operations whatever the algorithm does."""
        return of(self.case).operations(self.case) / self.time / 1e9

    def share_of_peak(self, machine: Machine) -> Share | None:
        """How much of the machine's nearer limit the row uses: of arithmetic, by the operations
        really done, or of bandwidth, by the bytes that have to move. None where they are not known,
        and of TF32, whose peak is another."""
        if self.operations is None or self.contender.tf32 or not self.seconds:
            return None
        return machine.share(self.operations, of(self.case).bytes(self.case), self.time)


def spread(values: Sequence[float]) -> float:
    """Half the distance between the quartiles of `values`, as a share of their median."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float((high - low) / 2 / middle)


def ratios(row: Row, baseline: Row) -> list[float]:
    """The baseline's time over the row's, round by round."""
    return [b / a for a, b in zip(row.seconds, baseline.seconds, strict=True)]


def baseline(
    rows: Sequence[Row], case: Case, library: str = "torch", tf32: bool = False
) -> Row | None:
    """The library's faster layout on this case, if it was timed, in full float32 or in TF32."""
    of_it = [r for r in rows if (r.contender.library, r.contender.tf32) == (library, tf32)]
    timed = [r for r in of_it if r.case == case and r.seconds]
    return min(timed, key=lambda row: row.time, default=None)


def shown(rows: Sequence[Row]) -> list[Row]:
    """Every row of ours and of each library the faster layout's, or a failed one's."""
    return [row for row in rows if row.contender.ours or row is (_fastest(rows, row) or row)]


def _fastest(rows: Sequence[Row], row: Row) -> Row | None:
    """The faster layout of a row's library on its case."""
    return baseline(rows, row.case, row.contender.library, row.contender.tf32)
