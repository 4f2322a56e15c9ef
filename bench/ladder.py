"""Benchmark of the steps of `kernels/ladder`, `python -m bench ladder`: table of `docs/ladder.md`.

The steps are loaded as a user's kernels are (`kernels/ladder/registered.py`). Each runs in a
process of its own, its result is checked, and it is timed in turns with the other steps, with the
project's own kernel and with PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from bench import machine
from bench.cases import Case, Contender
from bench.catalogue import LAYERS
from bench.contenders import libraries
from bench.layers import Convolution
from bench.machine import Machine
from bench.operations import of
from bench.options import NONE, Against, Threads, set_threads
from bench.processes import Setting
from bench.records import write_json
from bench.round_robin import Effort
from bench.rows import Row, baseline, ratios, spread
from bench.run import exit_with_status, measured, wide_console
from bench.selection import select, words
from bench.tables import around_markers, duration, markdown, write_between
from kernels import ConvGeometry
from kernels.contract import sources, threads
from kernels.conv2d import winograd_tiles
from kernels.ladder.steps import PREFIX, STEPS
from kernels.terminal.progress import say

SOURCE = "kernels.ladder.registered"
OWN = "winograd_tiles"
HEADINGS = (
    *("step", "what it removes", "time", "spread", "against the step before"),
    *("GFLOP/s", "share of peak", "effective GFLOP/s"),
)
LEGEND = (
    "Time: the median of the rounds, in which all take turns, each in a process of its own; "
    "spread: half the distance of the quartiles. Filters are prepared before. Against the step "
    "before: the ratio of the times of a round, its median. GFLOP/s: of the operations really "
    "done, of a Winograd step those of its products alone; share of peak: over the rate of a large "
    "float32 matrix product on all threads. Effective GFLOP/s: of the definition's operations."
)


@dataclass(frozen=True)
class Line:
    """A line of the table: its first two cells, its row, and the operations really done (None if
    they are not known)."""

    title: str
    removes: str
    row: Row
    operations: int | None


Layer = Annotated[str, typer.Option(help="A convolution of the catalogue.")]
Step = Annotated[str | None, typer.Option(help=f"Of {', '.join(STEPS)}; all unless given.")]
Rounds = Annotated[int, typer.Option(min=1, help="Turns of each step.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", dir_okay=False, help="Write everything measured here.")
]
Write = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False, help="Put the table into this file, between its <!-- bench --> markers."
    ),
]


def ladder_command(
    layer: Layer = "zfnet.conv3",
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 16,
    step: Step = None,
    thread_count: Threads = None,
    against: Against = None,
    rounds: Rounds = 9,
    json_file: JsonFile = None,
    write: Write = None,
) -> None:
    """Time every step of the ladder, from loops to Winograd, on one layer.

    Exit status 1 if a result is wrong or a step fails.
    """
    if write is not None:
        around_markers(write)
    set_threads(thread_count)
    case, steps = _case(layer, batch), _steps(step)
    others = libraries(None if against is None else [w for w in words(against) if w != NONE])
    sources.load(SOURCE)
    contenders = list(_contenders(steps, others, case))
    before = machine.measure()
    setting = Setting(threads.get_num_threads(), SOURCE)
    rows, stopped = measured({case: contenders}, setting, Effort(rounds=rounds))
    measured_on = before if stopped else before.better(machine.measure())
    lines = list(lines_of(rows, case))
    wide_console().print(_table(lines, measured_on))
    for row in rows:
        if row.problem:
            say(f"{row.contender.title}: {row.problem}")
    say(f"\n{measured_on.summary} {LEGEND}")
    if json_file is not None:
        write_json(json_file, rows, measured_on)
    if write is not None:
        write_between(write, text(lines, case, measured_on))
        say(f"The table is in {write.resolve()}")
    exit_with_status(rows, stopped)


def _case(layer: str, batch: int) -> Case:
    (found, *more) = select([layer], LAYERS)
    if more or not isinstance(found, Convolution):
        raise ValueError(f"--layer {layer} should be one convolution, as zfnet.conv3")
    return Case("conv2d", found, batch)


def _steps(asked: str | None) -> list[str]:
    names = list(STEPS) if asked is None else words(asked)
    for name in names:
        if name not in STEPS:
            raise ValueError(f"there is no step {name!r}; the ladder has {', '.join(STEPS)}")
    return names


def _contenders(steps: Sequence[str], others: Sequence[str], case: Case) -> Iterator[Contender]:
    """The steps that serve the layer, our own kernel, then other libraries in all their layouts."""
    names = [PREFIX + name for name in steps]
    own = of(case).ours(case, [*names, OWN])
    if missing := {*names, OWN} - {contender.name for contender in own}:
        raise ValueError(f"{', '.join(sorted(missing))} does not compute {case.layer.title}")
    yield from sorted(own, key=lambda contender: [*names, OWN].index(contender.name))
    if "torch" in others:
        yield from (Contender("torch", layout) for layout in ("NCHW", "NHWC"))


def lines_of(rows: Sequence[Row], case: Case) -> Iterator[Line]:
    """The steps in their order, our own kernel, PyTorch in its faster layout."""
    g = case.layer.geometry(case.batch) if isinstance(case.layer, Convolution) else None
    assert g is not None
    for row in rows:
        name = row.contender.name.removeprefix(PREFIX)
        if name in STEPS:
            step = STEPS[name]
            title = f"[{step.idea}](../kernels/ladder/{name}.py)"
            yield Line(title, step.removes, row, step.operations(g))
        elif row.contender.ours:
            title = f"[conv2d {OWN}](../kernels/conv2d/{OWN}.py)"
            yield Line(title, "the library's own kernel", row, _own_operations(g))
    if (torch := baseline(rows, case)) is not None:
        yield Line("PyTorch", "its faster memory layout", torch, None)


def _own_operations(g: ConvGeometry) -> int:
    return 2 * g.N * g.K * g.C * winograd_tiles.plan_of(g)[0].products


def cells(lines: Sequence[Line], measured_on: Machine) -> list[list[str]]:
    """The table's cells as text; "-" for an unknown value."""
    found, before = [], None
    for line in lines:
        row = line.row
        named = [line.title, line.removes]
        if row.problem:
            found.append([*named, row.problem.partition(":")[0], *["-"] * (len(HEADINGS) - 3)])
            before = None
            continue
        against = "-" if before is None else f"{np.median(ratios(row, before)):.2f}"
        times = [duration(row.time), f"±{spread(row.seconds):.0%}", against]
        found.append([*named, *times, *_done(line, measured_on), _rate(row.gflops)])
        before = row
    return found


def _done(line: Line, measured_on: Machine) -> list[str]:
    """GFLOP/s of the operations really done, and their share of the peak."""
    if line.operations is None:
        return ["-", "-"]
    rate = line.operations / line.row.time / 1e9
    return [_rate(rate), f"{rate / measured_on.peak_gflops:.1%}"]


def _rate(gflops: float) -> str:
    return f"{gflops:.1f}"


def text(lines: Sequence[Line], case: Case, measured_on: Machine) -> str:
    """The Markdown table, with the layer and the machine below it."""
    table = markdown(HEADINGS, cells(lines, measured_on), 2)
    return f"{table}\n\n{case.layer.title}, batch {case.batch}. {measured_on.summary} {LEGEND}"


def _table(lines: Sequence[Line], measured_on: Machine) -> Table:
    """The table for the console: without links, and without the second column."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    headings = [heading for heading in HEADINGS if heading != HEADINGS[1]]
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=True)
    for title, _, *numbers in cells(lines, measured_on):
        table.add_row(Text(title.partition("](")[0].removeprefix("[")), *map(Text, numbers))
    return table
