"""`python -m kernels verify`: the property suite on registered kernels, or on a user's file."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from kernels.contract import devices
from kernels.contract.registry import Kernel, all_kernels
from kernels.contract.sources import load
from kernels.cuda import emulator
from kernels.terminal.progress import Task, progress_bars, say

if TYPE_CHECKING:
    from kernels.verify.runner import Outcome
    from kernels.verify.suite import Plan

HOLDS, FAILS, COULD_NOT_RUN = 0, 1, 2
_PROFILES = ("few", "dev", "ci", "intense")
_DEVICES = ("cpu", "emulator", "cuda")


def verify_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE_OR_MODULE]...", help="Files that register kernels."),
    ] = None,
    op: Annotated[str | None, typer.Option(help="Only kernels of this operation.")] = None,
    kernel: Annotated[str | None, typer.Option(help="Only kernels of this name.")] = None,
    device: Annotated[
        str, typer.Option(help="cpu; emulator or cuda: the CUDA kernels, without or with a GPU.")
    ] = "cpu",
    profile: Annotated[
        str, typer.Option(help="few, dev, ci or intense: how many examples.")
    ] = "ci",
    seed: Annotated[int, typer.Option(help="The same seed draws the same examples.")] = 0,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Plant bugs in the kernels: is each one caught?")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --mutants: so many, drawn by the seed.")
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--every", help="With --mutants: try every property on each, and count."),
    ] = False,
) -> None:
    """Try every property on every kernel; exit status 0: all hold, 1: some fail, 2: could not run.

    Without FILE_OR_MODULE, on the kernels that come with the project.
    """
    require_hypothesis()
    if profile not in _PROFILES:
        raise ValueError(f"--profile must be one of {', '.join(_PROFILES)}, got {profile!r}")
    if mutants and sources:
        raise ValueError("--mutants plants bugs in the project's own kernels: leave the file out")
    if not mutants and (sample is not None or every):
        raise ValueError("--sample and --every belong to --mutants")
    if device not in _DEVICES:
        raise ValueError(f"--device must be one of {', '.join(_DEVICES)}, got {device!r}")
    if mutants:
        from kernels.cli.mutants import hunt_mutants

        raise typer.Exit(hunt_mutants(op, kernel, profile, seed, sample, every))
    require(device)
    from kernels.verify import suite

    source_of, unread = _read(sources or [])
    ours = suite.served(all_kernels(), device)
    found = list(source_of) if sources else ours
    chosen = suite.chosen(found, op, kernel) if found else []
    plan = suite.plan(chosen, device)
    status = _verify(plan, source_of, profile, seed) if chosen else COULD_NOT_RUN
    raise typer.Exit(COULD_NOT_RUN if unread else status)


def require(device: str) -> None:
    """ValueError, which says what is missing, where `device` cannot run kernels."""
    if device == "cuda":
        devices.cupy()
    if device == "emulator" and not emulator.available():
        raise ValueError(
            "the emulator compiles CUDA kernels with g++, which is not installed (apt install g++ "
            "on Debian and Ubuntu)"
        )


def require_hypothesis() -> None:
    """ValueError, which says how to install it, where hypothesis is missing."""
    if importlib.util.find_spec("hypothesis") is None:
        raise ValueError(
            "hypothesis, which draws the examples, is not installed: pip install hypothesis"
        )


def _read(sources: list[str]) -> tuple[dict[Kernel, str], bool]:
    """The kernels of the user's files, and where each is from; and was a file unreadable?"""
    source_of, unread = dict[Kernel, str](), False
    for source in sources:
        try:
            source_of |= dict.fromkeys(load(source), source)
        except ValueError as error:
            say(f"kernels: {error}")
            unread = True
    return source_of, unread


def _verify(plan: Plan, source_of: dict[Kernel, str], profile: str, seed: int) -> int:
    """Run the plan, print what came of it, return the exit status."""
    from kernels.cli import outcomes

    for kernel in plan.unknown:
        say(f"kernels: {kernel.operation} {kernel.name}: no such operation; " + _known())
    results: list[Outcome] = []
    for kernel in plan.elsewhere:
        say(f"kernels: {kernel.operation} {kernel.name}: {_not_tried(kernel, plan.device)}")
    began = time.monotonic()
    with _interruptible() as interrupted:
        _run(plan, profile, seed, not source_of, results.append)
    outcomes.show_tables(results)
    outcomes.show_failures(results, source_of)
    incomplete = bool(plan.unknown or plan.elsewhere or interrupted)
    how = f"profile {profile}, seed {seed}, {time.monotonic() - began:.0f} s"
    outcomes.show_summary(results, plan.device, how, incomplete)
    if interrupted:
        say(f"interrupted after {len(results)} of {len(plan.trials)} trials")
    return _status(results, incomplete)


def _run(plan: Plan, profile: str, seed: int, ours: bool, take: Callable[[Outcome], None]) -> None:
    """Try all, with the name of the trial that is running beside the bar."""
    names = [f"{kernel.operation} {kernel.name}: {law.name}" for kernel, law in plan.trials]
    with progress_bars() as bars:
        task = Task(bars, "verifying", len(plan.trials))
        task.update(0, note=names[0] if names else "")
        for done, outcome in enumerate(_outcomes(plan, profile, seed, ours), 1):
            take(outcome)
            task.update(done, note=names[done] if done < len(names) else "")


def _outcomes(plan: Plan, profile: str, seed: int, ours: bool) -> Iterator[Outcome]:
    from kernels.verify import suite

    return suite.run(plan.trials, profile, seed, ours, plan.device)


def _not_tried(kernel: Kernel, device: str) -> str:
    """Why it was not, and what would."""
    if kernel.device == "cuda":
        return "it is a CUDA kernel: --device emulator tries it, or --device cuda on a GPU"
    if kernel.device == "cpu":
        return f"it computes on the CPU, not on {device!r}: leave --device out"
    return f"there is no {kernel.device!r} here"


@contextmanager
def _interruptible():  # type: ignore[no-untyped-def]
    """Ctrl-C ends the run, and what came of it so far is shown; yields a list, then not empty."""
    interrupted: list[bool] = []
    try:
        yield interrupted
    except KeyboardInterrupt:
        interrupted.append(True)


def _status(results: list[Outcome], incomplete: bool) -> int:
    from kernels.cli.outcomes import unserved

    if incomplete or unserved(results):
        return COULD_NOT_RUN
    return FAILS if any(not r.holds and not r.inapplicable for r in results) else HOLDS


def _known() -> str:
    from kernels.verify.calls import OPERATIONS

    return f"there are {', '.join(OPERATIONS)}"
