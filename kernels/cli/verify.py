"""`python -m kernels verify`: the property suite on registered kernels, or on a user's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.cli import restart
from kernels.cli.folder import EXPECTED, Order, files_of, verify_folder
from kernels.cli.judged_file import Settings
from kernels.cli.report_files import Files
from kernels.cli.requirements import require_hypothesis
from kernels.contract import devices
from kernels.contract.registry import Kernel, all_kernels
from kernels.contract.sources import load
from kernels.cuda import emulator
from kernels.terminal.progress import say

_PROFILES = ("few", "dev", "ci", "intense")
_DEVICES = ("cpu", "emulator", "cuda")


def verify_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE_OR_MODULE]...", help="Files that register kernels, or a folder."
        ),
    ] = None,
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
        typer.Option(
            help='Judge on this geometry alone, such as "N=1 C=64 H=56 W=56 K=64 R=3 S=3 '
            'stride=1 padding=1"; may be repeated.'
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu; emulator or cuda: the CUDA kernels, without or with a GPU.")
    ] = "cpu",
    profile: Annotated[
        str, typer.Option(help="few, dev, ci or intense: number of examples.")
    ] = "ci",
    seed: Annotated[int, typer.Option(help="The same seed draws the same examples.")] = 0,
    json: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write verdict, properties and errors here.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write JUnit's XML, for a CI service.")
    ] = None,
    first: Annotated[
        bool, typer.Option("--first", help="End at the first property that fails.")
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Of a folder: add each result here, and go on from it."),
    ] = None,
    expect: Annotated[
        str | None, typer.Option(help="Of a folder: good or bad, what each file should be.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Of a folder: files that are verified at a time.")
    ] = 1,
    limit: Annotated[
        float, typer.Option(min=1, help="Of a folder: the most seconds of one file.")
    ] = 900,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Plant bugs in the kernels, show which are caught.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --mutants: a sample, drawn by the seed.")
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--every", help="With --mutants: try every property on each, and count."),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="With --every: add each result here, to resume a run."),
    ] = None,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Only write the catalogue of properties, with what the .json beside it records.",
        ),
    ] = None,
) -> None:
    """Try every property on every kernel; exit status 0: all hold, 1: some fail, 2: could not run.

    Without FILE_OR_MODULE, on the kernels that come with the project. Of a folder, or with --resume
    or --expect, each file is verified in a process of its own, with a table at the end.
    """
    require_hypothesis()
    if profile not in _PROFILES:
        raise ValueError(f"--profile must be one of {', '.join(_PROFILES)}, got {profile!r}")
    if mutants and sources:
        raise ValueError("--mutants plants bugs in the project's own kernels: leave the file out")
    if not mutants and (sample is not None or every):
        raise ValueError("--sample and --every belong to --mutants")
    if mutants and (layer or geometry):
        raise ValueError("--layer and --geometry name what kernels are judged on: leave --mutants "
                         "out")  # fmt: skip
    if record is not None and not every:
        raise ValueError("--record keeps which properties catch a bug, which needs --every")
    files = Files(json, junit)
    if (mutants or catalogue is not None) and (files != Files() or first):
        raise ValueError("--json, --junit and --first belong to a run on kernels, not to --mutants")
    if device not in _DEVICES:
        raise ValueError(f"--device must be one of {', '.join(_DEVICES)}, got {device!r}")
    # These need hypothesis, an optional package that other commands do not need.
    from kernels.cli import verification
    from kernels.cli.mutants import hunt_mutants, write_catalogue
    from kernels.verify import given, suite
    from kernels.verify.replay import Run

    restart.run_on_cores()
    if catalogue is not None:
        write_catalogue(catalogue)
        raise typer.Exit(verification.HOLDS)
    if mutants:
        raise typer.Exit(hunt_mutants(op, kernel, profile, seed, sample, every, record))
    named = [*map(given.layer, layer or ()), *map(given.geometry, geometry or ())]
    require(device)
    if resume is not None or expect is not None or any(Path(s).is_dir() for s in sources or []):
        settings = Settings(profile, seed, device, op, kernel, first or expect == "bad", limit,
                            tuple(layer or ()), tuple(geometry or ()))  # fmt: skip
        raise typer.Exit(_of_folder(sources or [], settings, files, resume, expect, jobs))
    if (jobs, limit) != (1, 900):
        raise ValueError("--jobs and --limit belong to a folder, or to --resume and --expect")
    source_of, unread = _read(sources or [])
    ours = suite.served(all_kernels(), device)
    found = list(source_of) if sources else ours
    chosen = suite.chosen(found, op, kernel) if found else []
    plan = suite.plan(chosen, device, named)
    status = verification.COULD_NOT_RUN
    if chosen or files != Files():
        run = Run(profile, seed)
        status = verification.verify(plan, source_of, run, files, unread, first)
    raise typer.Exit(status)


def _of_folder(
    sources: list[str],
    settings: Settings,
    files: Files,
    record: Path | None,
    expect: str | None,
    jobs: int,
) -> int:
    """Verifies each file in a process of its own; the exit status."""
    if not sources:
        raise ValueError("--resume and --expect need a folder, or files, of kernels")
    if expect not in EXPECTED:
        raise ValueError(f"--expect must be good or bad, got {expect!r}")
    if files != Files():
        raise ValueError("--json and --junit are of one run; the record of --resume is of a folder")
    return verify_folder(Order(files_of(sources), settings, record, expect, jobs))


def require(device: str) -> None:
    """ValueError that names the missing package, if `device` cannot run kernels."""
    if device == "cuda":
        devices.cupy()
    if device == "emulator" and not emulator.available():
        raise ValueError(
            "the emulator compiles CUDA kernels with g++, which is not installed (apt install g++ "
            "on Debian and Ubuntu)"
        )


def _read(sources: list[str]) -> tuple[dict[Kernel, str], list[str]]:
    """The kernels of the user's files, the file of each, and the errors of unreadable files."""
    source_of, unread = dict[Kernel, str](), list[str]()
    for source in sources:
        try:
            source_of |= dict.fromkeys(load(source), source)
        except ValueError as error:
            say(f"kernels: {error}")
            unread.append(str(error))
    return source_of, unread
