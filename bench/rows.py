"""Rows of results: what was timed, and what follows from it; as a table, as JSON, as Markdown.

Contenders take turns, so a ratio is formed round by round, from two times that were taken close to
each other, and its median and spread are of those ratios.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.cases import Case, Contender
from bench.machine import Machine
from minidl.serialize import replacing

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
HEADINGS = (
    *("layer", "operation", "batch", "kernel", "time", "spread", "GFLOP/s", "of limit"),
    *("of PyTorch", "memory"),
)
LEGEND = (
    "Time: the median of the rounds, and half the distance of their quartiles. GFLOP/s: of the "
    "definition's operations, whatever an algorithm needs; of limit: of the matrix product's. "
    "Of PyTorch: its time over the row's, round by round, the faster of NCHW and NHWC memory. "
    "Memory: how far a first call raised the process's resident memory, its result included."
)


@dataclass(frozen=True)
class Row:
    """One contender on one case.

    seconds: a call's, one number a round; empty if it was not timed.
    problem: why it was not timed: "WRONG: ...", "failed: ..." and so on; "" if it was.
    memory:  bytes that its first call raised resident memory by at most, its result included; None
             where the system cannot tell.
    share:   of the error bound that its result used; None if that is no number.
    """

    case: Case
    contender: Contender
    seconds: tuple[float, ...] = ()
    memory: int | None = None
    share: float | None = None
    problem: str = ""

    @property
    def time(self) -> float:
        return float(np.median(self.seconds))

    @property
    def gflops(self) -> float:
        """Of the definition's operations: an algorithm with fewer looks faster than it computes."""
        return self.case.operations / self.time / 1e9


def spread(values: Sequence[float]) -> float:
    """Half the distance between the quartiles of `values`, as a share of their median."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float((high - low) / 2 / middle)


def ratios(row: Row, baseline: Row) -> list[float]:
    """The baseline's time over the row's, round by round."""
    return [b / a for a, b in zip(row.seconds, baseline.seconds, strict=True)]


def baseline(rows: Sequence[Row], case: Case, library: str = "torch") -> Row | None:
    """The library's faster layout on this case, if it was timed."""
    timed = [r for r in rows if r.case == case and r.contender.library == library and r.seconds]
    return min(timed, key=lambda row: row.time, default=None)


def shown(rows: Sequence[Row]) -> list[Row]:
    """Every kernel's row and of each library the faster layout's, or a failed one's."""
    return [
        row
        for row in rows
        if row.contender.library == "kernels"
        or row is (baseline(rows, row.case, row.contender.library) or row)
    ]


def cells(row: Row, rows: Sequence[Row], machine: Machine) -> list[str]:
    """A row of the table as text, in the order of HEADINGS."""
    case = row.case
    named = [case.layer.title, case.operation, str(case.batch), row.contender.title]
    if row.problem:
        return [*named, row.problem.partition(":")[0], *[""] * 5]
    timed = [_duration(row.time), _spread(row.seconds), f"{row.gflops:.1f}"]
    against = baseline(rows, case)
    compared = _ratio(ratios(row, against)) if against else "-"
    return [*named, *timed, f"{row.gflops / machine.matmul_gflops:.0%}", compared, _memory(row)]


def write_table(path: Path, rows: Sequence[Row], machine: Machine) -> None:
    """Put the table between the markers of a Markdown file, the rest of it as it is.

    ValueError if the file has no such place; OSError if it cannot be written, the old one kept.
    """
    before, after = around_markers(path)
    lines = [
        list(HEADINGS),
        ["---", *_alignments()],
        *(cells(r, rows, machine) for r in shown(rows)),
    ]
    table = "\n".join(f"| {' | '.join(_escaped(line))} |" for line in lines)
    with replacing(path) as beside:
        text = f"{before}{BEGIN}\n{table}\n\n{machine.summary} {LEGEND}\n{END}{after}"
        beside.write_text(text, encoding="utf-8", newline="")


def around_markers(path: Path) -> tuple[str, str]:
    """What a file holds before and after the table's place; ValueError if it has none, or two."""
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


def write_json(path: Path, rows: Sequence[Row], machine: Machine) -> None:
    """Everything measured: the machine, and each row with the seconds of every round."""
    document = {"machine": asdict(machine), "rows": [_as_json(row, rows) for row in rows]}
    with replacing(path) as beside:
        beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _as_json(row: Row, rows: Sequence[Row]) -> dict[str, object]:
    against = baseline(rows, row.case)
    document = asdict(row)
    if row.seconds:
        document |= {"median": row.time, "spread": spread(row.seconds), "gflops": row.gflops}
    if row.seconds and against:
        document["ratio"] = float(np.median(ratios(row, against)))
    return document


def _alignments() -> list[str]:
    return ["---", "---:", "---", *["---:"] * (len(HEADINGS) - 4)]


def _escaped(texts: Sequence[str]) -> list[str]:
    return [" ".join(text.replace("|", "\\|").split()) for text in texts]


def _ratio(values: Sequence[float]) -> str:
    return f"{np.median(values):.2f} {_spread(values)}"


def _spread(values: Sequence[float]) -> str:
    return f"±{spread(values):.0%}"


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _memory(row: Row) -> str:
    return "-" if row.memory is None else f"{row.memory / 1e6:.1f} MB"
