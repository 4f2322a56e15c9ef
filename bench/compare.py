"""Comparison of two results, `python -m bench compare BEFORE.json AFTER.json`.

The rounds of one run are independent measurements of one time, apart from what slows all of them.
The ratio of two medians is given with an interval of 95 %, by the bootstrap: rounds are drawn with
replacement, from each file by itself. Where both files have another engine's times of the same
case, whose code did not change, the ratio is also formed against that engine, round by round: it
cancels what slowed the whole machine in one of the runs. A row is slower beyond the noise if its
interval, widened by `--tolerance`, is wholly on that side of 1, and against the engine too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from bench.cases import Case, Contender
from bench.records import Record, read_json
from bench.rows import Row, best
from bench.run import different, wide_console
from bench.tables import duration
from kernels.terminal.progress import say

DRAWS, LEVEL = 4000, 0.95
FEWEST = 5
"""Rounds from which on the noise can be told."""


@dataclass(frozen=True)
class Interval:
    """A ratio of times, after over before, with the ends of its interval of 95 %."""

    low: float
    middle: float
    high: float

    def verdict(self, tolerance: float) -> str:
        if self.low > 1 + tolerance:
            return "slower"
        return "faster" if self.high < 1 / (1 + tolerance) else "same"

    def __str__(self) -> str:
        return f"{self.middle:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Change:
    """A row in two files.

    plain:   the ratio of its times.
    against: the same relative to another engine's, or None.
    """

    before: Row
    after: Row
    plain: Interval
    against: Interval | None

    def verdict(self, tolerance: float) -> str:
        """One of "slower", "faster", "same", or "too few rounds" for telling the noise."""
        if min(len(self.before.seconds), len(self.after.seconds)) < FEWEST:
            return "too few rounds"
        found = self.plain.verdict(tolerance)
        if self.against is not None and self.against.verdict(tolerance) != found:
            return "same"
        return found


def compare_command(
    before: Annotated[Path, typer.Argument(help="Results that --json wrote.")],
    after: Annotated[Path, typer.Argument(help="Later results.")],
    tolerance: Annotated[
        float, typer.Option(min=0, max=10, help="A change below this share does not count.")
    ] = 0.02,
    fail: Annotated[
        bool, typer.Option("--fail", help="Exit status 1 if something is slower beyond the noise.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show what is the same too.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare results of two machines or settings too.")
    ] = False,
) -> None:
    """Show what became slower or faster between two results, beyond the noise."""
    old, new = read_json([before]), read_json([after])
    apart = different(old[1], new[1])
    if apart and not anyway:
        raise ValueError(
            f"{before} was measured with {apart}, so the times of {after} differ for more reasons "
            "than the code; --anyway compares them all the same"
        )
    if apart:
        say(f"measured apart: {before} with {apart}")
    changes = changes_of(old, new)
    if not changes:
        raise ValueError(f"{before} and {after} have no row in common that was timed in both")
    _show(changes, tolerance, every)
    _say_alone(old, new)
    if fail and any(change.verdict(tolerance) == "slower" for change in changes):
        raise typer.Exit(1)


def changes_of(old: Record, new: Record) -> list[Change]:
    """The rows of ours that both files timed, those that became slowest first."""
    earlier = {_key(row): row for row in old[0] if row.seconds}
    found = [
        _change(earlier[_key(row)], row, old[0], new[0])
        for row in new[0]
        if row.seconds and row.contender.ours and _key(row) in earlier
    ]
    return sorted(found, key=lambda change: -change.plain.middle)


def _key(row: Row) -> tuple[Case, Contender]:
    return row.case, row.contender


def _change(before: Row, after: Row, old: Sequence[Row], new: Sequence[Row]) -> Change:
    rng = np.random.default_rng(0)
    plain = interval(rng, np.asarray(before.seconds), np.asarray(after.seconds))
    engine = best(old, before.case)
    now = [r for r in new if engine is not None and _key(r) == _key(engine) and r.seconds]
    if engine is None or not now:
        return Change(before, after, plain, None)
    paired = [
        np.asarray(row.seconds) / np.asarray(other.seconds)
        for row, other in ((before, engine), (after, now[0]))
    ]
    return Change(before, after, plain, interval(rng, *paired))


def interval(rng: np.random.Generator, before: np.ndarray, after: np.ndarray) -> Interval:
    """The ratio of the medians, after over before, with its bootstrap interval."""
    ratios = _medians(rng, after) / _medians(rng, before)
    low, high = np.quantile(ratios, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(low), float(np.median(after) / np.median(before)), float(high))


def _medians(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """(DRAWS,): the medians of samples drawn with replacement."""
    return np.asarray(np.median(rng.choice(values, (DRAWS, len(values))), axis=1))


def _show(changes: Sequence[Change], tolerance: float, every: bool) -> None:
    counts: dict[str, int] = {}
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("case", "contender", "before", "after", "after / before", "against", "verdict"):
        table.add_column(heading, no_wrap=heading != "case")
    for change in changes:
        verdict = change.verdict(tolerance)
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict != "same" or every:
            times = duration(change.before.time), duration(change.after.time)
            shown = (change.after.case.title, change.after.contender.title, *times)
            against = "-" if change.against is None else str(change.against)
            table.add_row(*map(Text, (*shown, str(change.plain), against, verdict)))
    if table.row_count:
        wide_console().print(table)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    say(f"{verdicts}; intervals of {LEVEL:.0%}, changes below {tolerance:.0%} do not count")


def _say_alone(old: Record, new: Record) -> None:
    """What only one of the files has timed: a row that fails now is no change of its time."""
    first, last = (
        {_key(row) for row in rows if row.seconds and row.contender.ours} for rows, _ in (old, new)
    )
    for which, alone in (("before", first - last), ("after", last - first)):
        for case, contender in sorted(alone, key=lambda key: (key[0].title, key[1].title)):
            say(f"only {which}: {case.title}: {contender.title}")
