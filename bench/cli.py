"""Command line of `python -m bench`: options that select cases, and the table at the end."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bench.compare import compare_command
from bench.emulated import check_command
from bench.ladder import ladder_command
from bench.networks import networks_command
from bench.options import (
    Against,
    Busy,
    Device,
    QuickRun,
    Resume,
    Rounds,
    Threads,
    check_device,
    check_resume,
    chosen,
    effort_of,
    set_threads,
)
from bench.pick import pick_command
from bench.profiling.command import profile_command
from bench.report import report_command
from bench.run import Kept, exit_with_status, run, show
from bench.tables import around_markers
from kernels.contract import sources
from kernels.terminal import mistakes

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE_OR_MODULE]",
        help="Your own kernels, timed beside those registered for the same operation.",
    ),
]
Op = Annotated[
    str | None, typer.Option(help="Operations, as in conv2d,max_pool2d; all unless given.")
]
Layer = Annotated[
    str | None,
    typer.Option(help="Layers or networks, as in zfnet.conv3,vgg16; zfnet unless given."),
]
Kernel = Annotated[
    str | None, typer.Option(help="Kernels by name; without it all that serve the layer.")
]
Batch = Annotated[str | None, typer.Option(help="Images at once; 1,16 unless --quick.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", dir_okay=False, help="Write everything measured here.")
]
Markdown = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False, help="Put the table into this file, between its <!-- bench --> markers."
    ),
]


def bench_command(
    source: Source = None,
    op: Op = None,
    layer: Layer = None,
    kernel: Kernel = None,
    batch: Batch = None,
    thread_count: Threads = None,
    against: Against = None,
    rounds: Rounds = None,
    json_file: JsonFile = None,
    markdown: Markdown = None,
    quick_run: QuickRun = False,
    device: Device = "cpu",
    busy: Busy = False,
    resume: Resume = False,
) -> None:
    """Time kernels on the layers of known networks, and whole networks, against other libraries.

    Every result is checked before it is timed. Exit status 1 if one is wrong or a kernel fails.
    `python -m bench networks` times whole networks, your own ONNX files too, against other
    engines. `python -m bench profile` times the layers of a network one by one. `python -m bench
    compare` shows what became slower between two results. `python -m bench report` draws earlier
    measurements. `python -m bench pick` compares the kernel that `kernels.pick` chooses with the
    fastest one. `python -m bench ladder` times one convolution step by step, from loops to
    Winograd. Each has its own --help.
    """
    check_device(device)
    check_resume(resume, json_file)
    if markdown is not None:
        around_markers(markdown)
    set_threads(thread_count)
    mine = sources.load(source) if source else []
    selected = chosen(op, layer, kernel, batch, against, quick_run, mine, device)
    if device == "emulator":
        check_command(selected, rounds, json_file, markdown)
        return
    effort = effort_of(quick_run, rounds, device)
    kept = Kept(json_file, resume)
    record, stopped = run(selected, source or "", effort, device, int(busy), kept)
    show(record, json_file, markdown)
    exit_with_status(record[0], stopped)


def _app(command: Callable[..., None]) -> typer.Typer:
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    made.command()(command)
    return made


COMMANDS = {
    "compare": _app(compare_command),
    "ladder": _app(ladder_command),
    "networks": _app(networks_command),
    "pick": _app(pick_command),
    "profile": _app(profile_command),
    "report": _app(report_command),
}
"""Subcommands by their first argument. A user's file of such a name is written as ./report."""
app = _app(bench_command)


def main() -> None:
    """Run `python -m bench` with the arguments of the command line."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in COMMANDS:
        program = functools.partial(COMMANDS[name], sys.argv[2:], f"python -m bench {name}")
        mistakes.run(program, f"bench {name}", "a smaller sample needs less")
    mistakes.run(app, "bench", "a smaller --batch needs less")
