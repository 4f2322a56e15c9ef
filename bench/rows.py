"""Rows of results: the times of a contender on a case, and the figures derived from them.

Contenders are timed in turns. So a ratio is formed round by round, from two times that were
measured close to each other; median and spread are those of the rounds' ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.cases import Case, Contender
from bench.counters import Counts
from bench.machine import Machine, Share
from bench.operations import of


@dataclass(frozen=True)
class Row:
    """One contender on one case.

    seconds:    of a call, one number per round; empty if it was not timed.
    memory:     rise of resident memory during a call in bytes, its result included; None where the
                system has no count.
    peak:       maximum of bytes that the process held during that call, or None.
    share:      its result's error as a share of the bound; None if that is not finite.
    picked:     minidl uses this contender by default.
    operations: floating-point operations that a call really does; None where they are unknown, as
                of a library's products.
    counts:     hardware events of a call; None where they cannot be read.
    problem:    the reason why it was not timed: "WRONG: ...", "failed: ..."; "" if it was timed.
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
    counts: Counts | None = None

    @property
    def time(self) -> float:
        return float(np.median(self.seconds))

    @property
    def gflops(self) -> float:
        """The effective rate: the definition's operations over the time."""
        return of(self.case).operations(self.case) / self.time / 1e9

    def share_of_peak(self, machine: Machine) -> Share | None:
        """The row's rate as a share of the machine's nearer limit: of arithmetic, by the operations
        really done, or of bandwidth, by the bytes that have to move. None where the operations are
        unknown, and for TF32, which has another peak."""
        if self.operations is None or self.contender.tf32 or not self.seconds:
            return None
        return machine.share(self.operations, of(self.case).bytes(self.case), self.time)


def spread(values: Sequence[float]) -> float:
    """Half the interquartile range of `values`, as a share of their median."""
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


def best(rows: Sequence[Row], case: Case) -> Row | None:
    """The fastest row of another library on this case, in full float32; None if none was timed."""
    others = [r for r in rows if not r.contender.ours and not r.contender.tf32]
    timed = [row for row in others if row.case == case and row.seconds]
    return min(timed, key=lambda row: row.time, default=None)


def shown(rows: Sequence[Row]) -> list[Row]:
    """All rows of ours, and of each library the faster layout's row, or its failed rows."""
    return [row for row in rows if row.contender.ours or row is (_fastest(rows, row) or row)]


def _fastest(rows: Sequence[Row], row: Row) -> Row | None:
    """The faster layout of a row's library on its case."""
    return baseline(rows, row.case, row.contender.library, row.contender.tf32)
