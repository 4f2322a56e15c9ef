"""Output of a run of the suite: tables, failing examples as programs, and a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from kernels.cli.environment import version_of
from kernels.contract.registry import Kernel
from kernels.terminal.progress import console, say
from kernels.verify import report
from kernels.verify.coverage import Coverage, Share, coverage
from kernels.verify.replay import Run
from kernels.verify.runner import Outcome

Marks = dict[tuple[Kernel, str], str]
"""By kernel and property: what is said of a failing program that does not fail again."""
_WHERE = {"cpu": "", "emulator": " in the emulator", "cuda": " on the GPU"}


def show_tables(results: Sequence[Outcome]) -> None:
    """One table for each operation: properties as rows, kernels as columns."""
    for operation, some in groupby(results, key=lambda result: result.kernel.operation):
        console.print(_table(operation, list(some)))


def _table(operation: str, results: list[Outcome]) -> Table:
    kernels = list(dict.fromkeys(result.kernel for result in results))
    table = Table(title=operation, title_justify="left", title_style="bold")
    table.add_column("property")
    for kernel in kernels:
        table.add_column(Text(kernel.name), justify="right")
    cells = {(r.law.name, r.kernel): _cell(r) for r in results}
    for name in dict.fromkeys(result.law.name for result in results):
        table.add_row(name, *(cells.get((name, kernel), Text("")) for kernel in kernels))
    return table


def show_coverage(results: Sequence[Outcome], kernels: Sequence[Kernel]) -> None:
    """One table for each operation: what `kernels` admit of the drawn and listed geometries, and
    the sizes on which they were judged."""
    tried: dict[Kernel, list[Outcome]] = {k: [] for k in dict.fromkeys(kernels)}
    for result in results:
        if result.kernel in tried:
            tried[result.kernel].append(result)
    found = [coverage(kernel, some) for kernel, some in tried.items() if some]
    for operation, members in groupby(found, key=lambda one: one.operation):
        console.print(_coverage(operation, list(members)))


def _coverage(operation: str, found: list[Coverage]) -> Table:
    """Rows are the drawn geometries, the strata and the sizes; columns are kernels."""
    table = Table(title=f"{operation}: coverage", title_justify="left", title_style="bold")
    table.add_column("geometries")
    for one in found:
        table.add_column(Text(one.kernel), justify="right")
    for name in dict.fromkeys(name for one in found for name in one.parts):
        table.add_row(name, *(_shared(one.parts.get(name)) for one in found))
    table.add_row("judged", *(Text(str(one.geometries)) for one in found), end_section=True)
    for name in dict.fromkeys(name for one in found for name in one.sizes):
        table.add_row(name, *(Text(str(one.sizes.get(name, "–"))) for one in found))
    return table


def _shared(share: Share | None) -> Text:
    if share is None:
        return Text("–", "dim")
    if share.refused:
        return Text(f"refuses all {share.listed}", "bold red")
    judged = f", judged {share.judged}" if share.judged else ""
    return Text(f"admits {share.supported} of {share.listed}{judged}")


def _cell(result: Outcome) -> Text:
    """A tick or a cross with the number of examples; a dash if the property does not apply."""
    if result.inapplicable:
        return Text("–", "dim")
    used = "" if result.used is None else f" (worst {result.used:.2f})"
    if result.holds:
        return Text(f"✓ {result.examples}{used}", "green")
    return Text(f"✗ {result.examples}{used}", "bold red")


def show_failures(
    results: Sequence[Outcome],
    source_of: dict[Kernel, str],
    run: Run,
    replay: Callable[[Outcome, str, Run], str] = report.replayed,
) -> Marks:
    """Each failure: the property's sentence, the violation, and the example as a program.

    The programs of the first failures of a user's file are tried in a process of their own; one
    that does not fail there is marked, and the sequence of calls is printed that does.

    If a kernel raises, or returns no array, many properties fail alike, which is shown once.
    Returns the marks.
    """
    marks: Marks = {}
    failing = [r for r in results if not r.holds and not r.inapplicable]
    tried = 0
    for _, alike in groupby(sorted(failing, key=_place), key=_place):
        first, *others = alike
        source = source_of.get(first.kernel)
        _show_failure(first, source)
        if source is not None and report.replayable(first, source):
            tried += 1
            if tried <= report.MOST_REPLAYED and (mark := replay(first, source, run)):
                print(mark)
                marks[first.kernel, first.law.name] = mark
        if others:
            say(f"The same fails in {', '.join(other.law.name for other in others)}.\n")
    return marks


def _place(result: Outcome) -> tuple[str, str, str]:
    """The identity of a failure: its property, or a cause that it shares with others."""
    return result.kernel.operation, result.kernel.name, result.cause or f"~{result.law.name}"


def _show_failure(result: Outcome, source: str | None) -> None:
    title = f"{result.kernel.operation} {result.kernel.name}: {result.law.name}"
    console.rule(Text(title, "bold red"))
    say(result.law.sentence)
    if result.failure is None:
        say(f"But {report.violation(result)}.")
        return
    say(f"But, {report.violation(result)}\n")
    print(report.program(result, source))


def unserved(results: Sequence[Outcome]) -> list[Kernel]:
    """Kernels that support none of the drawn calls."""
    kernels = dict.fromkeys(result.kernel for result in results)
    tried = {result.kernel for result in results if not result.inapplicable}
    return [kernel for kernel in kernels if kernel not in tried]


def show_summary(results: Sequence[Outcome], device: str, how: str, incomplete: bool) -> None:
    """Counts, device and libraries compared with; `how` gives profile, seed and time."""
    for kernel in unserved(results):
        asked = "given" if any(r.law.given for r in results) else "drawn"
        say(f"{kernel.operation} {kernel.name}: nothing judged: its supports(g) is false for all "
            f"{asked} calls")  # fmt: skip
    failed = [r for r in results if not r.holds and not r.inapplicable]
    if not results:  # the reasons have been printed
        return
    kernels, examples = len({r.kernel for r in results}), sum(r.examples for r in results)
    nothing = "nothing judged" if unserved(results) else "all hold"
    verdict = f"{len(failed)} of {len(results)} trials fail" if failed else nothing
    if incomplete:
        verdict = f"not complete; of the trials that ran, {verdict}"
    say(
        f"{kernels} kernel{'s' * (kernels != 1)}{_WHERE[device]}, {len(results)} trials, "
        f"{examples:,} examples: {verdict} ({how}; {_peers()})"
    )


def _peers() -> str:
    versions = []
    for library, package in (("PyTorch", "torch"), ("ONNX", "onnx")):
        version = version_of(package)
        versions.append(f"{library} {version}" if version else f"{library} is not installed")
    return ", ".join(versions)
