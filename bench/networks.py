"""Whole networks against other engines, `python -m bench networks`: published ones, or your files.

    python -m bench networks --threads 2 --json networks.json            # all, hours
    python -m bench networks --network resnet18,vgg16 --batch 1
    python -m bench networks mine.onnx --batch 1,16 --busy

Ours beside PyTorch eager, in its faster layout, torch.compile, ONNX Runtime, OpenVINO and ncnn,
those that are installed (`pip install -e '.[bench]'`). Results are compared before they are timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cases import Case
from bench.catalogue import LAYERS
from bench.contenders import contenders, libraries
from bench.layers import Layer
from bench.machine import Machine
from bench.network_layers import Network
from bench.network_table import LEGEND, markdown_of, means, tables_of
from bench.options import (
    NONE,
    Against,
    Busy,
    Resume,
    Rounds,
    Threads,
    check_resume,
    set_threads,
)
from bench.round_robin import Effort
from bench.rows import Row
from bench.run import Kept, exit_with_status, run, say_problems, show_counters, wide_console
from bench.selection import Cases, batches, words
from bench.tables import around_markers, write_between
from kernels.terminal.progress import say
from minidl.formats.onnx import load_onnx, read_shape

EFFORT = Effort(seconds=20.0, turn=0.2, least=5)
TRAINED, TRAINED_BATCH = ("resnet18", "resnet50", "mobilenet_v2"), 16
"""The networks whose training step is timed, and its batch."""
FORWARD: dict[str, tuple[str, Layer]] = {
    layer.network: ("network_forward", layer) for layer in LAYERS if isinstance(layer, Network)
} | {"zfnet": ("zfnet_forward", next(la for la in LAYERS if la.title == "zfnet.lrn"))}
"""The operation and the layer of each network by its name."""

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE.onnx ...]", help="Your own networks, in place of the published ones."
    ),
]
NetworkOption = Annotated[
    str | None, typer.Option(help=f"Of {', '.join(FORWARD)}; all unless given.")
]
Work = Annotated[str, typer.Option(help="forward, step (a training step at batch 16), or both.")]
Batch = Annotated[str, typer.Option(help="Images at once in a forward pass.")]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", dir_okay=False, help="Write the results here after each network."),
]
Markdown = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False, help="Put the tables into this file, between its <!-- bench --> marks."
    ),
]


def networks_command(
    files: Files = None,
    network: NetworkOption = None,
    work: Work = "forward,step",
    batch: Batch = "1,16",
    thread_count: Threads = None,
    against: Against = None,
    rounds: Rounds = None,
    json_file: JsonFile = None,
    markdown: Markdown = None,
    resume: Resume = False,
    busy: Busy = False,
) -> None:
    """Time whole networks against the engines that are installed, and against the best of them.

    Exit status 1 if a result is wrong or an engine fails.
    """
    check_resume(resume, json_file)
    if markdown is not None:
        around_markers(markdown)
    set_threads(thread_count)
    selected = _selected(files, network, _works(work), batches(batch), against)
    kept = Kept(json_file, resume)
    record, stopped = run(selected, "", EFFORT.with_rounds(rounds), busy=int(busy), kept=kept)
    _show(*record)
    if json_file is not None:
        say(f"Everything measured is in {json_file.resolve()}")
    if markdown is not None:
        write_between(markdown, markdown_of(*record))
        say(f"The tables are in {markdown.resolve()}")
    exit_with_status(record[0], stopped)


def _show(rows: Sequence[Row], machine: Machine) -> None:
    page = wide_console()
    for table in tables_of(rows):
        page.print(table)
    for line in means(rows):
        say(line)
    say_problems(rows)
    show_counters(rows, machine)
    say(f"\n{machine.summary}\n{LEGEND}")


def _works(text: str) -> list[str]:
    found = words(text)
    for word in found:
        if word not in ("forward", "step"):
            raise ValueError(f"--work is forward, step or both, as in forward,step; got {text!r}")
    return found


def _selected(
    files: Sequence[Path] | None,
    network: str | None,
    works: Sequence[str],
    numbers: Sequence[int],
    against: str | None,
) -> Cases:
    """The cases with their contenders; ValueError for an unknown network or an unreadable file."""
    if files and network:
        raise ValueError("give files or --network, not both: each would be another set of networks")
    others = libraries(None if against is None else [w for w in words(against) if w != NONE])
    names = list(FORWARD) if network is None else words(network)
    for name in names:
        if name not in FORWARD:
            raise ValueError(f"--network: no {name!r}; there are {', '.join(FORWARD)}")
    forward = [FORWARD[name] for name in names]
    if files:
        forward = [("network_forward", of_file(file)) for file in files]
    found = [Case(o, layer, n) for o, layer in forward for n in numbers if "forward" in works]
    if "step" in works and not files:
        trained = [FORWARD[name][1] for name in names if name in TRAINED]
        found += [Case("network_step", layer, TRAINED_BATCH) for layer in trained]
    if not found:
        raise ValueError(
            f"nothing to time: a training step is timed of {', '.join(TRAINED)}, and not of files"
        )
    return {case: contenders(case, [], others) for case in found}


def of_file(file: Path) -> Network:
    """A file as a layer of the benchmark; ValueError or FileNotFoundError if it is no network that
    minidl reads."""
    C, H, W = read_shape(file)
    load_onnx(file)
    return Network(file.stem, "file", C, H, W, str(file.resolve()))
