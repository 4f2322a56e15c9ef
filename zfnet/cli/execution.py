"""Options of `zfnet train` that say how a training runs, apart from its recipe and network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from zfnet.cli.options import Device, FollowLinks


@dataclass(frozen=True)
class Execution:
    """How the training runs, apart from its recipe."""

    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the last checkpoint, with the options of the beginning."
        ),
    ] = False
    allow_changes: Annotated[
        bool,
        typer.Option(
            "--allow-changes",
            help="With --resume: also go on where options, images, threads or kernels are others, "
            "and the weights will not be those of an uninterrupted run.",
        ),
    ] = False
    workers: Annotated[int, typer.Option(help="Threads that decode images in advance.")] = 2
    device: Device = "cpu"
    threads: Annotated[int | None, typer.Option(help="Threads that compute (default: all).")] = None
    autotune: Annotated[
        bool,
        typer.Option(
            "--autotune",
            help="Measure which kernels are the fastest here; the run keeps the choice.",
        ),
    ] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse unreadable images instead of skipping them.")
    ] = False
    use_test: Annotated[
        bool, typer.Option("--use-test", help="Validate on DIR/test, which is passed over else.")
    ] = False
    follow_links: FollowLinks = False
