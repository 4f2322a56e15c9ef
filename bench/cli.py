"""`python -m bench`: what to time, told by options; a table at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.contenders import libraries
from bench.machine import measure as measure_machine
from bench.run import leave, run, tell
from bench.selection import Cases, batches, cases, operations, quick, words
from bench.tables import around_markers
from bench.turns import Effort
from kernels import Kernel, sources, threads
from kernels.cli import mistakes

NONE = "none"
QUICK = Effort(seconds=1.5, turn=0.02)

Threads = Annotated[
    int | None, typer.Option("--threads", help="Of every contender; all unless given.")
]
Against = Annotated[
    str | None, typer.Option(help="torch,onnxruntime or none; those installed unless given.")
]
Rounds = Annotated[
    int | None, typer.Option(min=1, help="Turns of each contender; what time allows.")
]


def bench_command(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE_OR_MODULE]",
            help="Your own kernels, timed beside those registered for the same operation.",
        ),
    ] = None,
    op: Annotated[
        str | None, typer.Option(help="Operations, as in conv2d,max_pool2d; all unless given.")
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="Layers or networks, as in zfnet.conv3,vgg16; zfnet unless given."),
    ] = None,
    kernel: Annotated[
        str | None, typer.Option(help="Kernels by name; without it all that serve the layer.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Images at once; 1,16 unless --quick.")] = None,
    thread_count: Threads = None,
    against: Against = None,
    rounds: Rounds = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write everything measured here.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Put the table into this file, between its <!-- bench --> markers."
        ),
    ] = None,
    in_a_hurry: Annotated[
        bool,
        typer.Option("--quick", help="Batch 1, few turns, one case of each kind: two minutes."),
    ] = False,
) -> None:
    """Time kernels on the layers of known networks, and whole networks, against other libraries.

    Every result is checked before it is timed. Exit status 1 if one is wrong or a kernel fails.
    `python -m bench report` draws what was measured, `python -m bench pick` asks whether the kernel
    that is chosen by itself is the fastest; each has its own --help.
    """
    if markdown is not None:
        around_markers(markdown)
    if thread_count is not None:
        threads.set_num_threads(thread_count)
    mine = sources.load(source) if source else []
    others = against_whom(against)
    if in_a_hurry and not (source or op or layer or kernel):
        selected = quick(others, batches(batch or "1")[0])
    else:
        number = batch or ("1" if in_a_hurry else "1,16")
        selected = _selected(op, layer, kernel, number, mine, others)
    effort = QUICK if in_a_hurry else Effort()
    record, stopped = run(selected, source or "", effort.exactly(rounds), measure_machine)
    tell(record, json_file, markdown)
    leave(record[0], stopped)


def against_whom(named: str | None) -> list[str]:
    """The libraries that --against names."""
    return libraries(None if named is None else [w for w in words(named) if w != NONE])


def _selected(
    op: str | None,
    layer: str | None,
    kernel: str | None,
    batch: str,
    mine: list[Kernel],
    others: list[str],
) -> Cases:
    named = operations(op, mine)
    kernels = words(kernel) if kernel else []
    return cases(named, words(layer or "zfnet"), batches(batch), kernels, others)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(bench_command)


def main() -> None:
    """`python -m bench`."""
    mistakes.run(app, "bench", "a smaller --batch needs less")
