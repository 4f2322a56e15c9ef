"""Run of the property suite with progress and results on the terminal, and its exit status."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kernels import Kernel
from kernels.cli import outcomes
from kernels.cli.aside import Said, aside
from kernels.cli.interruption import interruptible
from kernels.cli.report_files import Files
from kernels.cli.run_report import RunReport
from kernels.terminal.progress import Task, progress_bars, say
from kernels.verify import report as reports
from kernels.verify import suite
from kernels.verify.calls import OPERATIONS
from kernels.verify.replay import Run
from kernels.verify.runner import Outcome
from kernels.verify.suite import Plan

HOLDS, FAILS, COULD_NOT_RUN = 0, 1, 2


@dataclass(frozen=True)
class Method:
    """How trials are run, and how a failure is tried again.

    name:   of the task, beside its progress.
    tried:  the outcomes of the trials of a plan, in its order.
    replay: a mark, if a failing call of a file does not fail by itself in a new process; or "".
    """

    name: str
    tried: Callable[[Plan, Run], Iterator[Outcome]]
    replay: Callable[[Outcome, str, Run], str] = reports.replayed


def here(ours: bool) -> Method:
    """Trials in this process; ours: of the project's own kernels, whose limits are judged too."""

    def tried(plan: Plan, run: Run) -> Iterator[Outcome]:
        return suite.run(plan.trials, run.profile, run.seed, ours, plan.device)

    return Method("verifying", tried)


def verify(
    plan: Plan,
    source_of: dict[Kernel, str],
    run: Run,
    files: Files,
    unread: Sequence[str] = (),
    first: bool = False,
    method: Method | None = None,
) -> int:
    """Run the plan, print the results, write them to `files`, return the exit status.

    unread: sentences on files that could not be read, which are printed already.
    first:  end at the first property that fails.
    method: in this process, if none.
    """
    method = method or here(not source_of)
    problems = [f"{k.operation} {k.name}: no such operation; {_known()}" for k in plan.unknown]
    problems += [f"{k.operation} {k.name}: {_not_tried(k, plan.device)}" for k in plan.elsewhere]
    ungiven = "none of the given geometries is of its operation"
    problems += [f"{k.operation} {k.name}: {ungiven}" for k in plan.ungiven]
    for problem in problems:
        say(f"kernels: {problem}")
    report = RunReport(files, plan, run, source_of, [*unread, *problems])
    results, said = list[Outcome](), Said()
    with interruptible() as interrupted:
        _run(plan, run, method, results, report, first, said)
    incomplete = bool(problems or unread or interrupted)
    status = _status(results, incomplete)
    report.write(results, status)  # before what follows, which another Ctrl-C may end
    outcomes.show_tables(results)
    outcomes.show_coverage(results, [*source_of, *(k for k, _ in plan.trials if plan.given)])
    marks = outcomes.show_failures(results, source_of, run, method.replay)
    how = f"profile {run.profile}, seed {run.seed}, {time.monotonic() - report.began:.0f} s"
    outcomes.show_summary(results, plan.device, how, incomplete)
    said.show()
    if interrupted:
        say(f"interrupted after {len(results)} of {len(plan.trials)} trials")
    report.write(results, status, marks, ended=True)
    return status


def _run(
    plan: Plan,
    run: Run,
    method: Method,
    results: list[Outcome],
    report: RunReport,
    first: bool,
    said: Said,
) -> None:
    """Runs all trials, or those up to the first that fails; the bar shows the one that runs. What
    the kernels print is added to `said`."""
    names = [f"{kernel.operation} {kernel.name}: {law.name}" for kernel, law in plan.trials]
    with progress_bars() as bars, aside(said):
        task = Task(bars, method.name, len(plan.trials))
        task.update(0, note=names[0] if names else "")
        report.update(results)
        for outcome in method.tried(plan, run):
            results.append(outcome)
            done = len(results)
            task.update(done, note=names[done] if done < len(names) else "")
            if first and not outcome.holds and not outcome.inapplicable:
                return
            report.update(results)


def _not_tried(kernel: Kernel, device: str) -> str:
    """The reason why a kernel was not tried, and the option that would try it."""
    if kernel.device == "cuda":
        return "it is a CUDA kernel: --device emulator tries it, or --device cuda on a GPU"
    if kernel.device == "cpu":
        return f"it computes on the CPU, not on {device!r}: leave --device out"
    return f"there is no {kernel.device!r} here"


def _status(results: list[Outcome], incomplete: bool) -> int:
    if incomplete:
        return COULD_NOT_RUN
    failed = any(not r.holds and not r.inapplicable for r in results)
    return FAILS if failed or outcomes.unserved(results) else HOLDS


def _known() -> str:
    return f"there are {', '.join(OPERATIONS)}"
