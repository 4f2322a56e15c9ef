"""Tables of rows: on the console, and between the markers of a Markdown file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from bench.cases import Case
from bench.machine import Machine
from bench.rows import Row, best, ratios, shown, spread
from minidl.serialize import replacing

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
HEADINGS = (
    *("layer", "operation", "batch", "kernel", "time", "spread", "GFLOP/s", "of peak"),
    *("of best", "memory", "peak"),
)
LEGEND = (
    "Time: the median of the rounds, and half the distance of their quartiles. GFLOP/s: the "
    "effective rate, of the definition's operations, whatever the algorithm does. Of peak: how "
    "much of the nearer limit it uses; arithmetic: the operations really done, of a Winograd "
    "kernel those of its plan, against the peak; bandwidth: each input read and each result "
    "written once, against a copy of that size; nothing where a library's algorithm is not known. "
    "Of best: the time of the fastest other library over the row's, round by round, of PyTorch the "
    "faster of NCHW and NHWC memory. Memory: how far a call raised the process's resident memory, "
    "its result included, for a network also its weights and whatever it keeps; peak: all that the "
    "process held then, Python "
    "and its libraries too. conv2d as in inference: what a kernel makes of its weights alone is "
    "kept from call to call."
)
GPU_LEGEND = (
    "Times are the GPU's own, by events around each call, the last cache overwritten before: the "
    "median of the rounds, and half the distance of their quartiles. GFLOP/s and of peak: as on a "
    "CPU, the peaks those of this GPU's float32. Of best: PyTorch's time over the row's, round by "
    "round, the faster of NCHW and NHWC memory, cuDNN with TF32 off and its fastest algorithm; "
    "rows named TF32 are PyTorch's with TF32 on, which rounds factors to 11 bits and is judged by "
    "that. Memory: how far a call raised what its library took of the GPU's, its result included, "
    "for a network also its weights and whatever it keeps; peak: all that it had then."
)
NEVER = (
    "CUDA: never run on a GPU by us; every kernel verified in the emulator "
    "(`python -m bench --device emulator`)."
)
"""The note below tables without a GPU's times; `python -m bench --device cuda` measures a GPU."""


LEGENDS = {"cpu": LEGEND, "cuda": GPU_LEGEND}
"""The meaning of the columns, by the measured device."""


def below(machine: Machine, legends: Mapping[str, str] = LEGENDS) -> str:
    """The text below a table: the machine, the meaning of the columns, and the note on CUDA."""
    text = f"{machine.summary}\n\n{legends[machine.device]}"
    return text if machine.device == "cuda" else f"{text}\n\n{NEVER}"


def cells(row: Row, rows: Sequence[Row], machine: Machine) -> list[str]:
    """A row of the table as text, in the order of HEADINGS."""
    case = row.case
    named = [case.layer.title, case.operation, str(case.batch), row.contender.title]
    if row.problem:
        return [*named, row.problem.partition(":")[0], *[""] * (len(HEADINGS) - 5)]
    timed = [duration(row.time), _spread(row.seconds), f"{row.gflops:.1f}"]
    against = best(rows, case)
    compared = ratio(ratios(row, against)) if against else "-"
    memory = [in_bytes(row.memory), in_bytes(row.peak)]
    return [*named, *timed, share(row, machine), compared, *memory]


def share(row: Row, machine: Machine) -> str:
    """The share of the machine's nearer limit, with the limit's name."""
    return str(row.share_of_peak(machine) or "-")


def tables(rows: Sequence[Row], machine: Machine) -> list[Table]:
    """One for each operation and batch; a layer is named in the first of its rows."""
    found: dict[str, Table] = {}
    named: Case | None = None
    for row in shown(rows):
        title = f"{row.case.operation}, batch {row.case.batch}"
        if title not in found:
            found[title] = _empty(f"\n{title}\n")
        layer, _, _, *others = map(Text, cells(row, rows, machine))
        found[title].add_row(Text("") if row.case == named else layer, *others)
        named = row.case
    return list(found.values())


def _empty(title: str) -> Table:
    layer, _, _, kernel, *numbers = HEADINGS
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in (layer, kernel):
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def counters_table(rows: Sequence[Row]) -> Table | None:
    """Hardware events of a call, of the rows whose events were counted; None without any."""
    counted = [(row, row.counts) for row in shown(rows) if row.counts is not None]
    if not counted:
        return None
    table = Table(title="\nhardware counters, of a call\n", title_justify="left", box=None)
    for heading in ("case", "contender", "instructions", "a cycle", "cache misses"):
        table.add_column(heading, justify="left" if heading in ("case", "contender") else "right")
    for row, counts in counted:
        events = (
            f"{counts.instructions:.3g}",
            f"{counts.per_cycle:.2f}",
            f"{counts.cache_misses:.3g}",
        )
        table.add_row(*map(Text, (row.case.title, row.contender.title, *events)))
    return table


def markdown(headings: Sequence[str], lines: Sequence[Sequence[str]], texts: int) -> str:
    """A Markdown table; all columns but the first `texts` are numbers."""
    alignments = ["---"] * texts + ["---:"] * (len(headings) - texts)
    return "\n".join(f"| {' | '.join(_escaped(line))} |" for line in (headings, alignments, *lines))


def write_table(path: Path, rows: Sequence[Row], machine: Machine) -> None:
    """Write every row between the markers of a Markdown file; the rest of the file is unchanged.

    ValueError if the markers are missing; OSError if it cannot be written, the old file is kept.
    """
    lines = [cells(r, rows, machine) for r in shown(rows)]
    write_between(path, f"{markdown(HEADINGS, lines, 4)}\n\n{below(machine)}")


def write_between(path: Path, text: str) -> None:
    """Write `text` between the markers of a file; raises as `write_table` does."""
    before, after = around_markers(path)
    with replacing(path) as beside:
        whole = f"{before}{BEGIN}\n{text}\n{END}{after}"
        beside.write_text(whole, encoding="utf-8", newline="")


def around_markers(path: Path) -> tuple[str, str]:
    """A file's text before and after the markers; ValueError unless there is one pair of them."""
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    counts = text.count(BEGIN), text.count(END)
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if counts != (1, 1) or not found:
        raise ValueError(
            f"{path} needs one line {BEGIN} and after it one line {END}, where the table goes; it "
            f"has {counts[0]} and {counts[1]}"
        )
    return before, after


def _escaped(texts: Sequence[str]) -> list[str]:
    return [" ".join(text.replace("|", "\\|").split()) for text in texts]


def ratio(values: Sequence[float]) -> str:
    """Median and spread."""
    return f"{np.median(values):.2f} {_spread(values)}"


def duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def in_bytes(count: int | None) -> str:
    """Megabytes or gigabytes, to three digits."""
    if count is None:
        return "-"
    return f"{count / 1e6:.3g} MB" if count < 0.9995e9 else f"{count / 1e9:.3g} GB"


def _spread(values: Sequence[float]) -> str:
    return f"±{spread(values):.0%}"
