"""A run of the benchmark: every case measured with a progress bar, then printed and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console

from bench import counters, gpu_limits, machine
from bench.cases import Case, Contender
from bench.machine import Machine
from bench.processes import ENDED, Setting
from bench.records import Record, read_json, write_json
from bench.round_robin import Effort, measure
from bench.rows import Row, shown, spread
from bench.selection import Cases
from bench.tables import LEGENDS, counters_table, duration, tables, write_table
from kernels.terminal.progress import Task, console, progress_bars, say, stop_on_interrupt

LOG_WIDTH = 130
AGAIN = 3
"""Most repetitions of the limits' measurement because of the rows of one case."""


@dataclass(frozen=True)
class Kept:
    """Where the results of a run are written after every case, and whether to go on with it."""

    file: Path | None = None
    resume: bool = False


def run(
    selected: Cases, source: str, effort: Effort, device: str = "cpu", busy: int = 0,
    kept: Kept = Kept(),
) -> tuple[Record, bool]:  # fmt: skip
    """(rows and machine, whether Ctrl-C ended the run early).

    The machine's limits are measured before and after, and again when a row's share of one exceeds
    1; the highest measurements count. Rows of an earlier run that goes on come first.
    """
    say("measuring the machine's own limits")
    limits = Limits(device, busy)
    rows, left = earlier(kept, selected, limits)
    setting = Setting(limits.machine.threads, source, busy)

    def finished(found: Sequence[Row]) -> None:
        limits.check(found)
        rows.extend(found)
        say_rows(found)
        if kept.file is not None:
            write_json(kept.file, rows, limits.machine)

    _, stopped = measured(left, setting, effort, finished)
    if not stopped and left:
        limits.measure()
    return (rows, limits.machine), stopped


def earlier(kept: Kept, selected: Cases, limits: Limits) -> tuple[list[Row], Cases]:
    """The rows of the run that goes on, and the cases that it has not measured yet.

    ValueError if it ran on another machine, with other libraries, or with other settings.
    """
    if not kept.resume or kept.file is None or not kept.file.is_file():
        return [], dict(selected)
    rows, machine = read_json([kept.file])
    now = limits.machine
    if others := different(machine, now):
        raise ValueError(
            f"--resume: {kept.file} was measured with {others}; give another file for a new run"
        )
    limits.machine = now.better(machine)
    # A process that ended was perhaps killed with the run: it is tried again.
    measured = {(row.case, row.contender) for row in rows if ENDED not in row.problem}
    left = {
        case: some
        for case, some in selected.items()
        if any((case, contender) not in measured for contender in some)
    }
    say(f"{len(selected) - len(left)} of {len(selected)} cases are in {kept.file} already")
    return [row for row in rows if row.case not in left], left


def different(a: Machine, b: Machine) -> str:
    """What of a machine differs from another, besides its limits; "" for nothing."""
    found = []
    for name in ("processor", "cores", "threads", "busy", "device"):
        one, other = getattr(a, name), getattr(b, name)
        if one != other:
            found.append(f"{name} {one}, not {other}")
    for library in sorted(a.versions.keys() | b.versions.keys()):
        one, other = (each.versions.get(library, "none") for each in (a, b))
        if one != other:
            found.append(f"{library} {one}, not {other}")
    return ", ".join(found)


def say_rows(rows: Sequence[Row]) -> None:
    """A line of a case as soon as it is measured: each contender's time, or its problem."""
    found = [
        f"{row.contender.title} {row.problem.partition(':')[0]}"
        if row.problem
        else f"{row.contender.title} {duration(row.time)} ±{spread(row.seconds):.0%}"
        for row in shown(rows)
    ]
    if found:
        say(f"{rows[0].case.title}: {', '.join(found)}")


class Limits:
    """The machine, its limits the highest of all measurements so far."""

    def __init__(self, device: str, busy: int = 0) -> None:
        self.device, self.machine = device, replace(_limits(device), busy=busy)

    def measure(self) -> None:
        self.machine = self.machine.better(_limits(self.device))

    def check(self, rows: Sequence[Row]) -> None:
        """Measure again, a few times, while a row's share of a limit exceeds 1."""
        for _ in range(AGAIN):
            if not exceeding(rows, self.machine):
                return
            self.measure()
            self.machine = replace(self.machine, again=self.machine.again + 1)


def exceeding(rows: Sequence[Row], machine: Machine) -> list[Row]:
    """The rows whose share of a limit exceeds 1: that limit was measured too low."""
    shares = ((row, row.share_of_peak(machine)) for row in rows)
    return [row for row, share in shares if share is not None and share.value > 1]


def _limits(device: str) -> Machine:
    return machine.measure() if device == "cpu" else gpu_limits.measure()


def measured(
    selected: Mapping[Case, Sequence[Contender]],
    setting: Setting,
    effort: Effort,
    finished: Callable[[Sequence[Row]], None] = lambda rows: None,
) -> tuple[list[Row], bool]:
    """(the rows, whether Ctrl-C ended the run early); `finished` is called with each case's."""
    rows: list[Row] = []
    with stop_on_interrupt() as pressed, progress_bars() as progress:
        task = Task(progress, "cases", len(selected))
        for done, (case, contenders) in enumerate(selected.items()):
            task.update(done, note=case.title)
            try:
                found = measure(case, contenders, setting, effort)
                finished(found)
                rows += found
            except KeyboardInterrupt:  # pressed twice: keep the finished cases
                return rows, True
            if pressed:
                return rows, done + 1 < len(selected)
        task.update(len(selected))
    return rows, False


def wide_console() -> Console:
    """The terminal, or a console with lines wide enough for a table."""
    return console if console.is_terminal else Console(width=LOG_WIDTH)


def show(record: Record, json_file: Path | None = None, markdown: Path | None = None) -> None:
    """Print the tables and the contenders' problems; write the files that were asked for."""
    rows, measured_on = record
    page = wide_console()
    for table in tables(rows, measured_on):
        page.print(table)
    say_problems(rows)
    for row in exceeding(rows, measured_on):
        say(
            f"{row.case.title}: {row.contender.title} uses {row.share_of_peak(measured_on)}: that "
            "limit was measured too low, again and again; measure on a machine without other work"
        )
    show_counters(rows, measured_on)
    say(f"\n{measured_on.summary}\n{LEGENDS[measured_on.device]}")
    if json_file is not None:
        write_json(json_file, rows, measured_on)
        say(f"Everything measured is in {json_file.resolve()}")
    if markdown is not None:
        write_table(markdown, rows, measured_on)
        say(f"The table is in {markdown.resolve()}")


def show_counters(rows: Sequence[Row], measured_on: Machine) -> None:
    """The table of hardware events; without any the reason in a sentence."""
    if (table := counters_table(rows)) is not None:
        wide_console().print(table)
    elif measured_on.device == "cpu":
        say(counters.reason())


def say_problems(rows: Sequence[Row]) -> None:
    """Why contenders were not timed."""
    for row in rows:
        if row.problem:
            say(f"{row.case.title}: {row.contender.title}: {row.problem}")


def exit_with_status(rows: Sequence[Row], stopped: bool) -> None:
    """Exit with status 130 after Ctrl-C, 1 if a result is wrong or a contender failed."""
    if stopped or any(row.problem for row in rows):
        raise typer.Exit(130 if stopped else 1)
