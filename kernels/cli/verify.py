"""`python -m kernels verify`: the property suite on registered kernels, or on a user's file."""

from __future__ import annotations

from pathlib import Path

import typer

from kernels.cli import restart
from kernels.cli import verify_options as options
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
    sources: options.Sources = None,
    op: options.Operations = None,
    kernel: options.Name = None,
    layer: options.Layers = None,
    geometry: options.Geometries = None,
    device: options.Device = "cpu",
    profile: options.Profile = "ci",
    seed: options.Seed = 0,
    json: options.Json = None,
    junit: options.Junit = None,
    first: options.First = False,
    resume: options.Resume = None,
    expect: options.Expect = None,
    jobs: options.Jobs = 1,
    limit: options.Limit = 900,
    mutants: options.Mutants = False,
    sample: options.Sample = None,
    every: options.Every = False,
    record: options.Record = None,
    catalogue: options.Catalogue = None,
) -> None:
    """Try every property on every kernel; exit status 0: all hold, 1: some fail, 2: could not run.

    Without FILE_OR_MODULE, on the kernels that come with the project. Of a folder, or with --resume
    or --expect, each file is verified in a process of its own, with a table at the end.
    """
    require_hypothesis()
    require_choice("--profile", profile, _PROFILES)
    require_choice("--device", device, _DEVICES)
    files, given_sizes = Files(json, junit), bool(layer or geometry)
    if mutants:
        _refuse_beside_mutants(bool(sources), given_sizes)
    elif sample is not None or every:
        raise ValueError("--sample and --every belong to --mutants")
    if record is not None and not every:
        raise ValueError("--record keeps which properties catch a bug, which needs --every")
    if (mutants or catalogue is not None) and (files != Files() or first):
        raise ValueError("--json, --junit and --first belong to a run on kernels, not to --mutants")
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
    named = given.read(layer, geometry, op)
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


def require_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    """ValueError that lists the choices, if `value` is none of them."""
    if value not in choices:
        raise ValueError(f"{option} must be one of {', '.join(choices)}, got {value!r}")


def _refuse_beside_mutants(sources: bool, given: bool) -> None:
    if sources:
        raise ValueError("--mutants plants bugs in the project's own kernels: leave the file out")
    if given:
        raise ValueError("--layer and --geometry name what kernels are judged on: leave --mutants "
                         "out")  # fmt: skip


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
