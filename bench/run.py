"""A run: every case measured one after the other with progress, then told and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer
from rich.console import Console

from bench import gpu_limits, machine
from bench.cases import Case, Contender
from bench.machine import Machine
from bench.records import Record, write_json
from bench.rows import Row
from bench.tables import LEGENDS, tables, write_table
from bench.team import Setting
from bench.turns import Effort, measure
from kernels.terminal.progress import Task, console, progress_bars, say, stop_on_interrupt

LOG_WIDTH = 130


def run(
    selected: Mapping[Case, Sequence[Contender]], source: str, effort: Effort, device: str = "cpu"
) -> tuple[Record, bool]:
    """(rows and machine, whether Ctrl-C ended it before its time).

    The machine's limits are measured before and after, and the higher ones count.
    """
    say("measuring the machine's own limits")
    before = _limits(device)
    rows, stopped = measured(selected, Setting(before.threads, source), effort)
    return (rows, before if stopped else before.better(_limits(device))), stopped


def _limits(device: str) -> Machine:
    return machine.measure() if device == "cpu" else gpu_limits.measure()


def measured(
    selected: Mapping[Case, Sequence[Contender]], setting: Setting, effort: Effort
) -> tuple[list[Row], bool]:
    """(the rows, whether Ctrl-C ended it before its time)."""
    rows: list[Row] = []
    with stop_on_interrupt() as pressed, progress_bars() as progress:
        task = Task(progress, "cases", len(selected))
        for done, (case, contenders) in enumerate(selected.items()):
            task.update(done, note=case.title)
            try:
                rows += measure(case, contenders, setting, effort)
            except KeyboardInterrupt:  # pressed twice: what is done is done
                return rows, True
            if pressed:
                return rows, done + 1 < len(selected)
        task.update(len(selected))
    return rows, False


def wide_console() -> Console:
    """The terminal, or lines that are wide enough for a table."""
    return console if console.is_terminal else Console(width=LOG_WIDTH)


def tell(record: Record, json_file: Path | None = None, markdown: Path | None = None) -> None:
    """Print the tables and what went wrong; write them where asked for."""
    rows, measured_on = record
    page = wide_console()
    for table in tables(rows, measured_on):
        page.print(table)
    for row in rows:
        if row.problem:
            say(f"{row.case.title}: {row.contender.title}: {row.problem}")
    say(f"\n{measured_on.summary}\n{LEGENDS[measured_on.device]}")
    if json_file is not None:
        write_json(json_file, rows, measured_on)
        say(f"Everything measured is in {json_file.resolve()}")
    if markdown is not None:
        write_table(markdown, rows, measured_on)
        say(f"The table is in {markdown.resolve()}")


def leave(rows: Sequence[Row], stopped: bool) -> None:
    """Exit with status 130 after Ctrl-C, 1 if a result is wrong or a contender failed."""
    if stopped or any(row.problem for row in rows):
        raise typer.Exit(130 if stopped else 1)
