"""`python -m kernels judge`: a verdict on kernels that are not trusted, each in its own process."""

from __future__ import annotations

from pathlib import Path

import typer

from kernels.cli import judge_options as options
from kernels.cli import restart
from kernels.cli import verify_options as verifying
from kernels.cli.report_files import Files
from kernels.cli.requirements import require_hypothesis

_PROFILES = ("few", "dev", "ci", "intense")


def judge_command(
    sources: options.Sources,
    op: verifying.Operations = None,
    kernel: verifying.Name = None,
    layer: verifying.Layers = None,
    geometry: options.Geometries = None,
    profile: verifying.Profile = "ci",
    seed: verifying.Seed = 0,
    timeout: options.Timeout = 60,
    memory: options.Memory = 8,
    json: verifying.Json = None,
    junit: verifying.Junit = None,
    first: verifying.First = False,
    bench: options.Bench = False,
    resume: verifying.Resume = None,
    expect: verifying.Expect = None,
    jobs: options.Jobs = 1,
    limit: verifying.Limit = 900,
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
