"""Run of the property suite with progress and results on the terminal, and its exit status."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kernels import Kernel
from kernels.cli import outcomes
from kernels.terminal.progress import Task, progress_bars, say
from kernels.verify import suite
from kernels.verify.calls import OPERATIONS
from kernels.verify.replay import Run
from kernels.verify.runner import Outcome
from kernels.verify.suite import Plan

HOLDS, FAILS, COULD_NOT_RUN = 0, 1, 2


def verify(plan: Plan, source_of: dict[Kernel, str], profile: str, seed: int) -> int:
    """Run the plan, print the results, return the exit status."""
    for kernel in plan.unknown:
        say(f"kernels: {kernel.operation} {kernel.name}: no such operation; " + _known())
    results: list[Outcome] = []
    for kernel in plan.elsewhere:
        say(f"kernels: {kernel.operation} {kernel.name}: {_not_tried(kernel, plan.device)}")
    for kernel in plan.ungiven:
        say(f"kernels: {kernel.operation} {kernel.name}: none of the given geometries is of its "
            "operation")  # fmt: skip
    began = time.monotonic()
    with _interruptible() as interrupted:
        _run(plan, profile, seed, not source_of, results.append)
    outcomes.show_tables(results)
    outcomes.show_coverage(results, [*source_of, *(k for k, _ in plan.trials if plan.given)])
    outcomes.show_failures(results, source_of, Run(profile, seed))
    incomplete = bool(plan.unknown or plan.elsewhere or plan.ungiven or interrupted)
    how = f"profile {profile}, seed {seed}, {time.monotonic() - began:.0f} s"
    outcomes.show_summary(results, plan.device, how, incomplete)
    if interrupted:
        say(f"interrupted after {len(results)} of {len(plan.trials)} trials")
    return _status(results, incomplete)


def _run(plan: Plan, profile: str, seed: int, ours: bool, take: Callable[[Outcome], None]) -> None:
    """Runs all trials; the progress bar shows the one that is running."""
    names = [f"{kernel.operation} {kernel.name}: {law.name}" for kernel, law in plan.trials]
    with progress_bars() as bars:
        task = Task(bars, "verifying", len(plan.trials))
        task.update(0, note=names[0] if names else "")
        for done, outcome in enumerate(_outcomes(plan, profile, seed, ours), 1):
            take(outcome)
            task.update(done, note=names[done] if done < len(names) else "")


def _outcomes(plan: Plan, profile: str, seed: int, ours: bool) -> Iterator[Outcome]:
    return suite.run(plan.trials, profile, seed, ours, plan.device)


def _not_tried(kernel: Kernel, device: str) -> str:
    """The reason why a kernel was not tried, and the option that would try it."""
    if kernel.device == "cuda":
        return "it is a CUDA kernel: --device emulator tries it, or --device cuda on a GPU"
    if kernel.device == "cpu":
        return f"it computes on the CPU, not on {device!r}: leave --device out"
    return f"there is no {kernel.device!r} here"


@contextmanager
def _interruptible():  # type: ignore[no-untyped-def]
    """Context in which Ctrl-C ends the run and results so far are shown; yields a list that is then
    not empty."""
    interrupted: list[bool] = []
    try:
        yield interrupted
    except KeyboardInterrupt:
        interrupted.append(True)


def _status(results: list[Outcome], incomplete: bool) -> int:
    if incomplete or outcomes.unserved(results):
        return COULD_NOT_RUN
    return FAILS if any(not r.holds and not r.inapplicable for r in results) else HOLDS


def _known() -> str:
    return f"there are {', '.join(OPERATIONS)}"
