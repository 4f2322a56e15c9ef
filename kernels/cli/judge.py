"""`python -m kernels judge`: a verdict on strangers' kernels, each in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.cli import restart
from kernels.cli.report_files import Files
from kernels.cli.requirements import require_hypothesis

_PROFILES = ("few", "dev", "ci", "intense")


def judge_command(
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files of kernels, or a folder of them.")
    ],
    op: Annotated[
        str | None, typer.Option(help="Only these operations, as in conv2d,conv2d_dgrad.")
    ] = None,
    kernel: Annotated[str | None, typer.Option(help="Only kernels of this name.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Judge on this layer alone, such as vgg16.conv3_1; may be repeated."),
    ] = None,
    geometry: Annotated[
        list[str] | None,
        typer.Option(help='Judge on this geometry alone, as for "verify"; may be repeated.'),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="few, dev, ci or intense: number of examples.")
    ] = "ci",
    seed: Annotated[int, typer.Option(help="The same seed draws the same examples.")] = 0,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds that a call of the kernel may take.")
    ] = 60,
    memory: Annotated[
        float, typer.Option(min=0.1, help="Gigabytes of memory that the kernel may take.")
    ] = 8,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write verdict, properties and errors here.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write JUnit's XML, for a CI service.")
    ] = None,
    first: Annotated[
        bool, typer.Option("--first", help="End at the first property that fails.")
    ] = False,
    bench: Annotated[
        bool, typer.Option("--bench", help="Time what was found right, by the judge's clock.")
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Of a folder: add each result here, and go on from it."),
    ] = None,
    expect: Annotated[
        str | None, typer.Option(help="Of a folder: good or bad, what each file should be.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Of a folder: files that are judged at a time.")
    ] = 1,
    limit: Annotated[
        float, typer.Option(min=1, help="Of a folder: the most seconds of one file.")
    ] = 900,
) -> None:
    """Judge kernels that are not trusted; exit status 0: right, 1: wrong, 2: could not run.

    Each file runs in a process of its own. The drawn calls, the definition, the bounds and the
    verdict stay in this process, out of the kernel's reach.
    """
    require_hypothesis()
    if profile not in _PROFILES:
        raise ValueError(f"--profile must be one of {', '.join(_PROFILES)}, got {profile!r}")
    # These need hypothesis, an optional package that other commands do not need.
    from kernels.cli import judging

    restart.run_on_cores()
    asked = judging.Asked(
        sources, op, kernel, tuple(layer or ()), tuple(geometry or ()), profile, seed, timeout,
        memory, Files(json, junit), first, bench,
    )  # fmt: skip
    if resume is not None or expect is not None or any(Path(s).is_dir() for s in sources):
        raise typer.Exit(judging.judge_folder(asked, resume, expect, jobs, limit))
    if (jobs, limit) != (1, 900):
        raise ValueError("--jobs and --limit belong to a folder, or to --resume and --expect")
    raise typer.Exit(judging.judge(asked))
