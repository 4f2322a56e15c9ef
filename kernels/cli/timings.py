"""Times of judged kernels as a table, and in the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from kernels.cli.run_report import described
from kernels.contract.operations import defined
from kernels.contract.registry import Kernel
from kernels.judge.remote import Remote
from kernels.judge.tasks import steps
from kernels.judge.tasks.operation import NAME as TASK
from kernels.judge.tasks.operation import task_of
from kernels.judge.timing import Timing, timed
from kernels.storage.atomic import replacing
from kernels.terminal.progress import Task, console, progress_bars, say
from kernels.verify.given import Given, for_operation
from kernels.verify.strata.networks import NETWORKS

LAYERS = 4
"""Layers of networks on which a kernel is timed, if none is given."""


def show(kernels: Sequence[Kernel], given: Sequence[Given], seed: int, report: Path | None) -> int:
    """Times the kernels, prints a table, adds it to the report; 1 if a time is none, else 0."""
    asked = [(k, g) for k in kernels for g in geometries(k, given)]
    found: list[tuple[Kernel, Timing]] = []
    with progress_bars() as bars:
        task = Task(bars, "timing", len(asked))
        for kernel, g in asked:
            assert isinstance(kernel, Remote)
            found.append((kernel, timed(kernel, g, seed)))
            task.update(len(found), note=f"{kernel.operation} {kernel.name}")
    console.print(_table(found))
    if report is not None:
        _add(report, found)
    wrong = [timing for _, timing in found if timing.wrong]
    for timing in wrong:
        say(f"no time for {timing.geometry}: {timing.wrong}")
    return 1 if wrong else 0


def geometries(kernel: Kernel, given: Sequence[Given]) -> list[Any]:
    """The given geometries, or some layers of networks that the kernel supports."""
    if kernel.operation == TASK:
        return [task_of(kernel)]
    if given:
        return list(for_operation(given, kernel.operation))
    able = [g for g in NETWORKS.geometries(kernel.operation) if kernel.supports(g)]
    step = max(1, -(-len(able) // LAYERS))
    return able[::step]


def _table(found: Sequence[tuple[Kernel, Timing]]) -> Table:
    table = Table(
        "kernel", "geometry", "ms", "processor ms", "GFLOP/s", "this project's ms", "turns",
        title="times by the judge's clock", title_justify="left",
    )  # fmt: skip
    for kernel, timing in found:
        cells = [f"{kernel.operation} {kernel.name}", _short(timing.geometry)]
        if timing.wrong:
            table.add_row(*cells, Text("no time", "bold red"), "", "", "", "")
            continue
        rate = defined(kernel.operation, timing.geometry) / timing.wall / 1e9
        ours = f"{timing.reference * 1e3:.3g} ({timing.name})" if timing.name else ""
        turns = f"{timing.turns} + {timing.checked} checked"
        table.add_row(*cells, f"{timing.wall * 1e3:.3g}", f"{timing.cpu * 1e3:.3g}",
                      f"{rate:.3g}", ours, turns)  # fmt: skip
    return table


def _short(g: Any) -> str:
    """The sizes of a geometry, without what is one."""
    if isinstance(g, steps.Task):
        return str(g)
    return " ".join(_words(g)) if hasattr(g, "__dataclass_fields__") else str(g)


def _words(g: Any) -> Iterator[str]:
    plain = {1, (1, 1), (0, 0, 0, 0), False}
    for name, value in asdict(g).items():
        if value not in plain:
            text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            yield f"{name}={text}"


def _add(report: Path, found: Sequence[tuple[Kernel, Timing]]) -> None:
    """Adds the times to the JSON that the run has written."""
    table = json.loads(report.read_text(encoding="utf-8"))
    table["timings"] = [
        {"operation": k.operation, "name": k.name, **asdict(t), "geometry": described(t.geometry)}
        for k, t in found
    ]
    with replacing(report) as beside:
        beside.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n", encoding="utf-8")
