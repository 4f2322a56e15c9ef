"""A run of the benchmark: every case measured with a progress bar, then printed and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from bench import gpu_limits, machine
from bench.cases import Case, Contender
from bench.machine import Machine
from bench.processes import Setting
from bench.records import Record, write_json
from bench.round_robin import Effort, measure
from bench.rows import Row
from bench.tables import LEGENDS, tables, write_table
from kernels.terminal.progress import Task, console, progress_bars, say, stop_on_interrupt

LOG_WIDTH = 130
AGAIN = 3
"""Most repetitions of the limits' measurement because of the rows of one case."""


def run(
    selected: Mapping[Case, Sequence[Contender]], source: str, effort: Effort, device: str = "cpu"
) -> tuple[Record, bool]:
    """(rows and machine, whether Ctrl-C ended the run early).

    The machine's limits are measured before and after, and again when a row's share of one exceeds
    1; the highest measurements count.
    """
    say("measuring the machine's own limits")
    limits = Limits(device)
    setting = Setting(limits.machine.threads, source)
    rows, stopped = measured(selected, setting, effort, limits.check)
    if not stopped:
        limits.measure()
    return (rows, limits.machine), stopped


class Limits:
    """The machine, its limits the highest of all measurements so far."""

    def __init__(self, device: str) -> None:
        self.device, self.machine = device, _limits(device)

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
    check: Callable[[Sequence[Row]], None] = lambda rows: None,
) -> tuple[list[Row], bool]:
    """(the rows, whether Ctrl-C ended the run early); `check` is called with each case's rows."""
    rows: list[Row] = []
    with stop_on_interrupt() as pressed, progress_bars() as progress:
        task = Task(progress, "cases", len(selected))
        for done, (case, contenders) in enumerate(selected.items()):
            task.update(done, note=case.title)
            try:
                found = measure(case, contenders, setting, effort)
                check(found)
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
    for row in rows:
        if row.problem:
            say(f"{row.case.title}: {row.contender.title}: {row.problem}")
    for row in exceeding(rows, measured_on):
        say(
            f"{row.case.title}: {row.contender.title} uses {row.share_of_peak(measured_on)}: that "
            "limit was measured too low, again and again; measure on a machine without other work"
        )
    say(f"\n{measured_on.summary}\n{LEGENDS[measured_on.device]}")
    if json_file is not None:
        write_json(json_file, rows, measured_on)
        say(f"Everything measured is in {json_file.resolve()}")
    if markdown is not None:
        write_table(markdown, rows, measured_on)
        say(f"The table is in {markdown.resolve()}")


def exit_with_status(rows: Sequence[Row], stopped: bool) -> None:
    """Exit with status 130 after Ctrl-C, 1 if a result is wrong or a contender failed."""
    if stopped or any(row.problem for row in rows):
        raise typer.Exit(130 if stopped else 1)
