"""Run of the judge on files or folders, its progress and results on the terminal."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from kernels.cli import timings, verification
from kernels.cli.folder import EXPECTED, Order, files_of, verify_folder
from kernels.cli.judged_file import Settings
from kernels.cli.report_files import Files
from kernels.judge import verdict
from kernels.judge.process import GIGABYTE, Limits
from kernels.judge.verdict import Judgement
from kernels.terminal.progress import console, say
from kernels.verify import given, suite
from kernels.verify.replay import Run

VERDICTS = {0: "right", 1: "wrong", 2: "not judged"}


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    sources: list[str]
    op: str | None
    kernel: str | None
    layers: tuple[str, ...]
    geometries: tuple[str, ...]
    profile: str
    seed: int
    timeout: float
    memory: float
    files: Files
    first: bool
    bench: bool

    @property
    def limits(self) -> Limits:
        return Limits(self.timeout, int(self.memory * GIGABYTE))


def judge(asked: Asked) -> int:
    """Judges the files, prints the verdict, returns the exit status."""
    named = given.read(asked.layers, asked.geometries, asked.op)
    with closing(Judgement(asked.limits)) as judgement:
        for source in asked.sources:
            judgement.load(os.path.abspath(source))  # the kernel's process has another folder
        for sentence in [*judgement.unread, *judgement.unguarded]:
            say(f"kernels: {sentence}")
        found = list(judgement.source_of)
        chosen = suite.chosen(found, asked.op, asked.kernel) if found else []
        plan = verdict.planned(chosen, named)
        status = verification.COULD_NOT_RUN
        if chosen or asked.files != Files():
            run = Run(asked.profile, asked.seed)
            method = verification.Method("judging", verdict.outcomes, verdict.repeated)
            status = verification.verify(
                plan, judgement.source_of, run, asked.files, judgement.unread, asked.first, method
            )
        if asked.bench and status == verification.HOLDS:
            status = timings.show(list(judgement.source_of), named, asked.seed, asked.files.json)
        elif asked.bench:
            say("no times: only what was found right is timed")
    _show_output(judgement)
    say(f"verdict: {VERDICTS[status]}")
    return status


def judge_folder(
    asked: Asked, record: Path | None, expect: str | None, jobs: int, limit: float
) -> int:
    """Judges each file of a folder by a command of its own; the exit status."""
    if expect not in EXPECTED:
        raise ValueError(f"--expect must be good or bad, got {expect!r}")
    if asked.bench:
        raise ValueError("--bench times the kernels of one file, not of a folder")
    if asked.files != Files():
        raise ValueError("--json and --junit are of one run; the record of --resume is of a folder")
    options = ("--timeout", str(asked.timeout), "--memory", str(asked.memory))
    settings = Settings(
        asked.profile, asked.seed, "cpu", asked.op, asked.kernel, asked.first or expect == "bad",
        limit, asked.layers, asked.geometries, "judge", options,
    )  # fmt: skip
    return verify_folder(Order(files_of(asked.sources), settings, record, expect, jobs))


def _show_output(judgement: Judgement) -> None:
    """What the kernels printed, apart from the report."""
    for guest in judgement.guests:
        if guest.output.strip():
            console.rule(Text(f"output of {guest.source}"))
            say(guest.output.rstrip())
