"""`python -m kernels cuda-report`: registers, spills, occupancy and roofline, without a GPU."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kernels.cuda import loops, packages, programs, report, roofline
from kernels.cuda.nvrtc import CompileError
from kernels.terminal.progress import Task, console, progress_bars, say

COULD_NOT_RUN = 2
WIDTH = 160  # columns of the table of instances


def cuda_report_command(
    arch: Annotated[
        str, typer.Option(help="Architectures to compile for, with commas between them.")
    ] = ",".join(report.ARCHITECTURES),
    kernel: Annotated[
        str | None, typer.Option(help="Only programs with this in their name: implicit_gemm.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers there too.")
    ] = None,
) -> None:
    """Compile every CUDA kernel, without a GPU, and report its machine code.

    Registers, shared memory, spills, predicted occupancy and the main loop's instructions of each
    instance; and the least time that ZFNet's layers can take on an A100 and an H100. Earlier
    results of the compiler are kept. Exit status 2: a kernel does not compile, or a package is
    missing.
    """
    packages.require()
    architectures = report.architectures(arch)
    chosen = report.chosen(programs(), kernel)
    _check_writable(json_file)
    lines, errors = compile_all(chosen, architectures)
    for name in architectures:
        show_kernels(name, [line for line in lines if line.arch == name])
    for batch in roofline.BATCHES:
        show_roofline(batch)
    show_notes()
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(lines), indent=1) + "\n", encoding="utf-8")
    for error in errors:
        say(f"\nkernels: {error}")
    if errors:
        raise typer.Exit(COULD_NOT_RUN)


def _check_writable(file: Path | None) -> None:
    """ValueError before anything is compiled, and not only at the end."""
    if file is not None and (file.is_dir() or not file.parent.is_dir()):
        what = "is a folder" if file.is_dir() else f"is in {file.parent}, which does not exist"
        raise ValueError(f"--json {file} {what}; a file in an existing folder would do")


def compile_all(
    chosen: Sequence[report.Source], architectures: Sequence[str]
) -> tuple[list[report.Line], list[CompileError]]:
    """The lines of all programs that compile, and the errors of the others."""
    pairs = [(program, arch) for arch in architectures for program in chosen]
    lines: list[report.Line] = []
    errors: list[CompileError] = []
    with progress_bars() as bars:
        task = Task(bars, "compiling", len(pairs))
        for done, (program, arch) in enumerate(pairs):
            task.update(done, note=f"{report.title(program)} for {arch}")
            try:
                lines += report.lines(program, arch)
            except CompileError as error:
                errors.append(error)
        task.update(len(pairs))
    return lines, errors


_HEADINGS = (
    "instance", "block", "regis-\nters", "shared", "spills", "occu-\npancy", "limited by",
    "counted\nin", "FFMA", "LDS", "FFMA\n/ LDS", "16-byte\nloads", "bar-\nriers",
)  # fmt: skip


def show_kernels(arch: str, lines: Sequence[report.Line]) -> None:
    """Table of one architecture: a row for each instance, below its program's name."""
    if not lines:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=f"compiled for {arch}")
    for heading in _HEADINGS:
        words = heading in ("instance", "block", "limited by", "counted\nin")
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    for program, some in groupby(lines, key=lambda line: line.program):
        table.add_row(Text(program, "bold"))
        for line in some:
            table.add_row(*_instance(line))
        table.add_section()
    _print(table)


def _instance(line: report.Line) -> list[Text]:
    spills, held = line.resources.spills, line.occupancy
    cells = [
        f"  {line.entry}",
        "x".join(str(size) for size in line.launch.block if size > 1) or "1",
        str(line.resources.registers),
        f"{line.shared:,}",
        f"{spills:,}",
        f"{100 * held.fraction:.3g}%",
        ", ".join(held.bounds),
        "loop" if line.repeats else "kernel",
        *_counts(line.counts),
    ]
    row = [Text(cell) for cell in cells]
    if spills:
        row[4].stylize("bold red")
    return row


def _counts(counts: loops.Counts) -> list[str]:
    ratio = counts.fma_per_shared_load
    return [
        str(counts.fma),
        str(counts.shared_loads),
        "" if ratio is None else f"{ratio:.1f}",
        str(counts.global_loads.get(128, 0)),
        str(counts.barriers),
    ]


def show_roofline(batch: int) -> None:
    """Table of ZFNet's layers for a batch: work, least time on each machine, and its limit."""
    images = f"{batch} image{'s' * (batch != 1)}"
    table = Table(
        box=box.SIMPLE_HEAD, title=f"ZFNet forward, {images} in float32: the least time there is"
    )
    machines = [machine.name for machine in roofline.MACHINES]
    table.add_column("layer")
    for heading in ("Mflop", "MB", "flop / byte", *(h for m in machines for h in (m, "bound by"))):
        table.add_column(heading, justify="left" if heading == "bound by" else "right")
    rows = roofline.rows(batch)
    for row in rows:
        table.add_row(row.layer, *_work(row.work), *_times(row.predictions))
    totals = [sum(row.predictions[machine].seconds for row in rows) for machine in machines]
    table.add_section()
    table.add_row("together", "", "", "", *(c for t in totals for c in (_time(t), "")))
    _print(table)


def _work(work: roofline.Work) -> tuple[str, str, str]:
    intensity = work.operations / work.bytes
    return f"{work.operations / 1e6:,.1f}", f"{work.bytes / 1e6:,.2f}", f"{intensity:,.1f}"


def _times(predictions: dict[str, roofline.Prediction]) -> list[str]:
    return [cell for p in predictions.values() for cell in (_time(p.seconds), p.bound)]


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} µs"


def show_notes() -> None:
    """Sources of the machines' numbers, meaning of the columns, and limits of the report."""
    for machine in roofline.MACHINES:
        say(
            f"{machine.name}: {machine.operations / 1e12:g} TFLOP/s, {machine.bytes / 1e9:,.0f} "
            f"GB/s ({machine.source}, {machine.date})"
        )
    say(
        "FFMA: multiply-adds, DFMA in float64. LDS: loads from shared memory, one whatever its "
        "width. They are counted in the main loop, of the innermost ones that with the most "
        "multiply-adds, or in the whole kernel where nothing repeats. Shared memory is a block's, "
        "spills a thread's stores and loads, both in bytes."
    )
    say(report.UNPROVEN)


def _print(table: Table) -> None:
    """Prints a table at its full width: in a narrow window lines are folded, no number is cut."""
    Console(width=max(console.width, WIDTH)).print(table)
