"""`python -m bench`: what to time, told by options; a table at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bench.cases import Case, Contender
from bench.contenders import libraries
from bench.machine import Machine
from bench.machine import measure as measure_machine
from bench.rows import HEADINGS, LEGEND, Row, around_markers, cells, shown, write_json, write_table
from bench.selection import batches, cases, operations, words
from bench.team import Setting
from bench.turns import Effort, measure
from kernels import sources, threads
from kernels.cli import mistakes
from kernels.cli.progress import Task, console, progress_bars, say, stop_on_interrupt

NONE = "none"
LOG_WIDTH = 120


def bench_command(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE_OR_MODULE]",
            help="Your own kernels, timed beside those registered for the same operation.",
        ),
    ] = None,
    op: Annotated[str | None, typer.Option(help="conv2d,conv2d_dgrad,conv2d_wgrad")] = None,
    layer: Annotated[str, typer.Option(help="Layers or networks, as in zfnet.conv3,vgg16.")] = (
        "zfnet"
    ),
    kernel: Annotated[
        str | None, typer.Option(help="Kernels by name; without it all that serve the layer.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Images at once; 1,16 unless --quick.")] = None,
    thread_count: Annotated[
        int | None, typer.Option("--threads", help="Of every contender; all unless given.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="torch, or none; torch unless given, where installed.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Turns of each contender; what time allows.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write everything measured here.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Put the table into this file, between its <!-- bench --> markers."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="conv2d, batch 1, few turns: under two minutes.")
    ] = False,
) -> None:
    """Time convolution kernels on the layers of known networks, against PyTorch.

    Every result is checked before it is timed. Exit status 1 if one is wrong or a kernel fails.
    """
    if markdown is not None:
        around_markers(markdown)
    if thread_count is not None:
        threads.set_num_threads(thread_count)
    mine = sources.load(source) if source else []
    selected = cases(
        operations(op or ("conv2d" if quick and not mine else None), mine),
        words(layer),
        batches(batch or ("1" if quick else "1,16")),
        words(kernel) if kernel else [],
        libraries(None if against is None else [w for w in words(against) if w != NONE]),
    )
    effort = Effort(seconds=2.0, turn=0.02, rounds=rounds) if quick else Effort(rounds=rounds)
    say("measuring the machine's own limits")
    machine = measure_machine()
    rows, stopped = _measure(selected, Setting(machine.threads, source or ""), effort)
    _tell(rows, machine.better(measure_machine()), json_file, markdown)
    if stopped or any(row.problem for row in rows):
        raise typer.Exit(130 if stopped else 1)


def _measure(
    selected: Mapping[Case, Sequence[Contender]], setting: Setting, effort: Effort
) -> tuple[list[Row], bool]:
    """(the rows, whether Ctrl-C ended it before its time)."""
    rows: list[Row] = []
    with stop_on_interrupt() as pressed, progress_bars() as progress:
        task = Task(progress, "cases", len(selected))
        for done, (case, contenders) in enumerate(selected.items()):
            task.update(done, note=case.title)
            rows += measure(case, contenders, setting, effort)
            if pressed:
                return rows, done + 1 < len(selected)
        task.update(len(selected))
    return rows, False


def _tell(
    rows: Sequence[Row], machine: Machine, json_file: Path | None, markdown: Path | None
) -> None:
    for table in _tables(rows, machine):
        console.print(table, width=None if console.is_terminal else LOG_WIDTH)
    for row in rows:
        if row.problem:
            say(f"{row.case.title}: {row.contender.title}: {row.problem}")
    say(f"{machine.summary}\n{LEGEND}")
    if json_file is not None:
        write_json(json_file, rows, machine)
        say(f"Everything measured is in {json_file.resolve()}")
    if markdown is not None:
        write_table(markdown, rows, machine)
        say(f"The table is in {markdown.resolve()}")


def _tables(rows: Sequence[Row], machine: Machine) -> list[Table]:
    """One for each operation and batch; a layer is named in the first of its rows."""
    tables: dict[str, Table] = {}
    named: Case | None = None
    for row in shown(rows):
        title = f"{row.case.operation}, batch {row.case.batch}"
        if title not in tables:
            tables[title] = _empty_table(f"\n{title}\n")
        layer, _, _, *others = map(Text, cells(row, rows, machine))
        tables[title].add_row(Text("") if row.case == named else layer, *others)
        named = row.case
    return list(tables.values())


def _empty_table(title: str) -> Table:
    layer, _, _, kernel, *numbers = HEADINGS
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in (layer, kernel):
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(bench_command)


def main() -> None:
    """`python -m bench`."""
    mistakes.run(app, "bench", "a smaller --batch needs less")
