"""Comparison of the kernel that `kernels.pick` chooses with the fastest: `python -m bench pick`.

Geometries are drawn in the ranges of networks: square planes, windows of 1, 3, 5 and 7, strides of
1 and 2, numbers of channels and filters spread evenly on a logarithmic scale. Every registered
kernel that supports one is timed, in turns, each in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from bench.cases import Case
from bench.contenders import contenders
from bench.layers import Convolution
from bench.options import Rounds, Threads, set_threads
from bench.processes import Setting
from bench.round_robin import Effort
from bench.rows import Row, ratios
from bench.run import exit_with_status, measured, wide_console
from bench.tables import duration
from kernels.contract import threads
from kernels.terminal.progress import say

OPERATIONS = ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
MOST_MACS = 2e8
NEAR = 1.2


@dataclass(frozen=True)
class Choice:
    """A case's picked and fastest rows; `cost` is the ratio of their times."""

    picked: Row
    best: Row

    @property
    def cost(self) -> float:
        return float(np.median(ratios(self.best, self.picked)))


def pick_command(
    sample: Annotated[int, typer.Option(min=1, help="Number of geometries.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the drawn geometries.")] = 0,
    thread_count: Threads = None,
    rounds: Rounds = None,
) -> None:
    """Draw convolutions and compare the kernel that `kernels.pick` chooses with the fastest.

    Exit status 1 if a kernel fails or gives a wrong result.
    """
    set_threads(thread_count)
    selected = {case: contenders(case, [], []) for case in draw(sample, seed)}
    effort = Effort(seconds=1.0, turn=0.02, rounds=rounds)
    rows, stopped = measured(selected, Setting(threads.get_num_threads()), effort)
    choices = compare(rows)
    wide_console().print(_table(choices))
    say(summary(choices))
    for row in rows:
        if row.problem:
            say(f"{row.case.title}: {row.contender.title}: {row.problem}")
    exit_with_status(rows, stopped)


def draw(sample: int, seed: int) -> list[Case]:
    """Cases of at most MOST_MACS products, of the three convolutions in turn."""
    rng, found = np.random.default_rng(seed), list[Case]()
    while len(found) < sample:
        operation = OPERATIONS[len(found) % len(OPERATIONS)]
        layer, batch = _layer(rng, len(found)), int(rng.choice((1, 2, 4, 8)))
        if layer.geometry(batch).macs <= MOST_MACS:
            found.append(Case(operation, layer, batch))
    return found


def _layer(rng: np.random.Generator, number: int) -> Convolution:
    size = int(rng.choice((1, 3, 3, 3, 5, 7)))
    side = int(rng.integers(max(size, 7), 65))
    channels, filters = (max(1, round(2 ** rng.uniform(0, 8.5))) for _ in range(2))
    stride, padding = int(rng.choice((1, 1, 2))), int(rng.integers(0, size // 2 + 1))
    return Convolution(
        *("drawn", str(number), channels, side, side, filters, size, size, stride, padding)
    )


def compare(rows: Sequence[Row]) -> list[Choice]:
    """The choice of each case whose picked kernel was timed."""
    timed = [row for row in rows if row.seconds]
    return [
        Choice(row, min((r for r in timed if r.case == row.case), key=lambda r: r.time))
        for row in timed
        if row.picked
    ]


def summary(choices: Sequence[Choice]) -> str:
    """The quality of the choices, in one line."""
    if not choices:
        return "nothing was timed"
    costs = np.array([choice.cost for choice in choices])
    return (
        f"{len(costs)} geometries: the chosen kernel is within {NEAR - 1:.0%} of the best on "
        f"{np.mean(costs <= NEAR):.0%}; its time over the best one's: median "
        f"{np.median(costs):.2f}, worst {costs.max():.2f}"
    )


def _table(choices: Sequence[Choice]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("operation", "N", "C", "H, W", "K", "R, S", "stride", "padding"):
        table.add_column(heading, no_wrap=True, justify="left" if heading[0] == "o" else "right")
    for heading in ("chosen", "time", "best", "time", "chosen / best"):
        table.add_column(heading, no_wrap=True)
    for choice in choices:
        table.add_row(*map(Text, _cells(choice)))
    return table


def _cells(choice: Choice) -> list[str]:
    case, chosen, best = choice.picked.case, choice.picked, choice.best
    layer = case.layer
    assert isinstance(layer, Convolution)
    sizes = (case.batch, layer.C, layer.H, layer.K, layer.R, layer.stride, layer.padding)
    times = (chosen.contender.name, duration(chosen.time), best.contender.name, duration(best.time))
    return [case.operation, *map(str, sizes), *times, f"{choice.cost:.2f}"]
