"""Check of every case with the CUDA kernels in the emulator: `python -m bench --device emulator`.

Each contender computes its case once, on the smallest size of its layer, and its result is checked
as before a timing on a GPU. Nothing is timed: the time of a kernel in the emulator
(`kernels/cuda/emulator`) says nothing about a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from bench.cases import Case, Contender
from bench.contenders import call_of
from bench.correctness import judge
from bench.round_robin import is_picked
from bench.rows import Row
from bench.run import exit_with_status, wide_console
from bench.tables import NEVER
from kernels.contract import threads
from kernels.terminal.progress import Task, progress_bars, say, stop_on_interrupt

UNTIMED = (
    "Computed in the emulator on the smallest size of each layer, and not timed: a time there says "
    "nothing about a GPU's."
)


def check_command(
    selected: Mapping[Case, Sequence[Contender]],
    rounds: int | None,
    json_file: Path | None,
    markdown: Path | None,
) -> None:
    """Compute and check every case, and print the verdicts; exit status 1 if one is wrong or fails.

    ValueError for an option that asks for times.
    """
    asked = {"--rounds": rounds, "--json": json_file, "--markdown": markdown}
    for option, value in asked.items():
        if value is not None:
            raise ValueError(f"in the emulator nothing is timed: leave out {option}")
    rows, stopped = checked(selected)
    wide_console().print(_table(rows))
    for row in rows:
        if row.problem:
            say(f"{row.case.title}: {row.contender.title}: {row.problem}")
    say(f"\n{UNTIMED}\n{NEVER}")
    exit_with_status(rows, stopped)


def checked(selected: Mapping[Case, Sequence[Contender]]) -> tuple[list[Row], bool]:
    """(a row without times for each contender, whether Ctrl-C ended the run early)."""
    rows: list[Row] = []
    with stop_on_interrupt() as pressed, progress_bars() as progress:
        task = Task(progress, "cases", len(selected))
        for done, (case, contenders) in enumerate(selected.items()):
            task.update(done, note=case.title)
            small = replace(case, layer=case.layer.smallest())
            try:
                rows += [_row(small, contender) for contender in contenders]
            except KeyboardInterrupt:  # pressed twice: keep the finished cases
                return rows, True
            if pressed:
                return rows, done + 1 < len(selected)
        task.update(len(selected))
    return rows, False


def _row(case: Case, contender: Contender) -> Row:
    """One contender's verdict on a case."""
    row = Row(case, contender, picked=is_picked(case, contender))
    try:
        results = call_of(case, contender, threads.get_num_threads()).results()
    except Exception as error:
        message = " ".join(str(error).split())
        return replace(row, problem=f"failed: {type(error).__name__}: {message}")
    verdict = judge(case, {contender: results})[contender]
    return replace(row, share=verdict.share, problem=verdict.message)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("layer", "operation", "batch", "kernel", "result"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        named = row.case.layer.title, row.case.operation, str(row.case.batch), row.contender.title
        table.add_row(*map(Text, (*named, verdict_of(row))))
    return table


def verdict_of(row: Row) -> str:
    """ "right" with the share of its bound, or the word for the mistake."""
    if row.problem:
        return row.problem.partition(":")[0]
    return f"right, {100 * row.share:.2g}% of its bound" if row.share else "right, exactly"
