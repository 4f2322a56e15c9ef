"""Report of measurements, `python -m bench report`: roofline, ratios, a row per case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cases import Case
from bench.machine import Machine
from bench.options import Against, QuickRun, Rounds, Threads, chosen, effort_of, set_threads
from bench.plots import ratio_bars, roofline
from bench.records import Record, read_json, write_json
from bench.rows import Row, best, ratios, shown
from bench.run import exit_with_status, run
from bench.tables import (
    around_markers,
    below,
    duration,
    in_bytes,
    markdown,
    ratio,
    share,
    write_between,
)
from kernels.terminal.progress import say

HEADINGS = (
    *("operation", "layer", "batch", "kernel", "time", "GFLOP/s", "of peak", "best other"),
    *("its time", "times as fast", "memory", "its memory"),
)
LEGEND = "\n".join(
    (
        "- kernel: the one that minidl chooses by itself.",
        "- GFLOP/s: operations of the definition divided by the time. An algorithm with fewer "
        "operations, such as Winograd's, may pass the machine's peak.",
        "- of peak: the share of the machine's limit, of arithmetic or of bandwidth, whichever "
        "is nearer. It counts the operations that the kernel really does and the bytes that it "
        "has to move.",
        "- best other: the fastest other library that was timed, on as many threads; PyTorch in "
        "the faster of its two memory formats.",
        "- times as fast: its time divided by ours; the median over the rounds, and its spread.",
        "- memory: how far a call raises the resident memory of its process; for a network all "
        "that the process holds except libraries. The other's is measured in the same way.",
    )
)
GPU_LEGEND = "\n".join(
    (
        "- kernel: the one that minidl chooses by itself.",
        "- time: the GPU's own, by events around each call; the last cache is overwritten "
        "before each.",
        "- GFLOP/s: operations of the definition divided by the time. An algorithm with fewer "
        "operations, such as Winograd's, may pass the GPU's peak.",
        "- of peak: the share of this GPU's float32 limit, of arithmetic or of bandwidth, "
        "whichever is nearer.",
        "- best other: PyTorch in the faster of its two memory formats, cuDNN with TF32 off and "
        "its fastest algorithm.",
        "- times as fast: its time divided by ours; the median over the rounds, and its spread.",
        "- memory: how far a call raises the GPU memory that its library holds; for a network "
        "all that it holds there. The other's is measured in the same way.",
    )
)
LEGENDS = {"cpu": LEGEND, "cuda": GPU_LEGEND}
README = (
    *(("zfnet_forward", "zfnet.lrn", batch) for batch in (1, 16, 64)),
    *(("zfnet_step", "zfnet.lrn", batch) for batch in (16, 64)),
    ("conv2d", "vgg16.conv3_2", 16),
    ("conv2d_wgrad", "vgg16.conv3_2", 16),
    ("conv_relu_pool", "zfnet.stage2", 16),
    ("local_response_norm", "zfnet.norm1", 16),
    ("local_contrast_norm", "zfnet.norm1", 16),
    ("max_pool2d", "zfnet.pool1", 16),
    ("projection", "zfnet.unit5", 1),
)
"""The cases in the README's table: whole networks, and one of each kind of operation."""


def report_command(
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for pictures and table.")],
    json_files: Annotated[
        list[Path] | None,
        typer.Option("--json", help="Earlier measurements; may be given several times."),
    ] = None,
    readme: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Write the README's rows between the <!-- bench --> markers of this file.",
        ),
    ] = None,
    thread_count: Threads = None,
    against: Against = None,
    rounds: Rounds = None,
    quick_run: QuickRun = False,
) -> None:
    """Draw and tabulate measurements; without --json, ZFNet is measured first.

    Writes roofline and ratios-batch-N (.svg and .png), table.md and, after measuring, rows.json.
    """
    if readme is not None:
        around_markers(readme)
    record, stopped = (read_json(json_files), False) if json_files else (None, False)
    out.mkdir(parents=True, exist_ok=True)
    if record is None:
        set_threads(thread_count)
        selected = chosen(against=against, quick_run=quick_run)
        record, stopped = run(selected, "", effort_of(quick_run, rounds))
        write_json(out / "rows.json", *record)
    for path in write_report(record, out, readme):
        say(f"wrote {path}")
    exit_with_status(record[0], stopped)


def write_report(record: Record, out: Path, readme: Path | None = None) -> list[Path]:
    """The files of a report; ValueError if nothing was timed."""
    rows, machine = record
    timed = [row for row in rows if row.seconds]
    if not timed:
        raise ValueError("no row of these files was timed, so there is nothing to draw")
    (out / "table.md").write_text(table(timed, machine) + "\n", encoding="utf-8")
    written = [out / "table.md"]
    if readme is not None:
        write_between(readme, table(for_readme(timed), machine))
        written.append(readme)
    written += roofline(_compared(timed), machine, out)
    for batch in dict.fromkeys(row.case.batch for row in timed):
        written += ratio_bars(_compared(timed), batch, out)
    return written


def table(rows: Sequence[Row], machine: Machine) -> str:
    """One row per case, with the machine, its versions and the date."""
    lines = [_line(row, rows, machine) for row in _compared(rows) if row.contender.ours]
    return f"{markdown(HEADINGS, lines, 4)}\n\n{below(machine, LEGENDS)}"


def for_readme(rows: Sequence[Row]) -> list[Row]:
    """The rows of the cases of `README`, in its order; all where none of them was measured."""
    some = [row for case in README for row in rows if _name(row.case) == case]
    return some or list(rows)


def _name(case: Case) -> tuple[str, str, int]:
    return case.operation, case.layer.title, case.batch


def _compared(rows: Sequence[Row]) -> list[Row]:
    """Of ours the row that minidl uses, of each library the faster layout in float32."""
    fair = [row for row in shown(rows) if not row.contender.tf32]
    return [row for row in fair if not row.contender.ours or row is _chosen(rows, row.case)]


def _chosen(rows: Sequence[Row], case: Case) -> Row:
    """The row of the kernel that minidl uses by default, or our fastest where it was not timed."""
    ours = [row for row in rows if row.contender.ours and row.case == case]
    return min(ours, key=lambda row: (not row.picked, row.time))


def _line(row: Row, rows: Sequence[Row], machine: Machine) -> list[str]:
    case, other = row.case, best(rows, row.case)
    return [
        *(case.operation, case.layer.title, str(case.batch), row.contender.title),
        *(duration(row.time), f"{row.gflops:.1f}", share(row, machine)),
        other.contender.title if other else "-",
        duration(other.time) if other else "-",
        ratio(ratios(row, other)) if other else "-",
        in_bytes(row.memory),
        in_bytes(other.memory) if other else "-",
    ]
