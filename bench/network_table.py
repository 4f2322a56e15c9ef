"""Table of whole networks: ours, each engine's time, and the ratio to the best of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from bench.cases import Case
from bench.machine import Machine
from bench.rows import Row, baseline, best, ratios, spread
from bench.tables import duration, markdown

ENGINES = {
    "torch": "PyTorch",
    "torch.compile": "compiled",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "ncnn": "ncnn",
}
"""Headings by library."""
LEGEND = (
    'Time of a call, the median of the rounds. Behind an engine\'s time, and under "of the best": '
    "that time over ours, round by round, the median: below 1 ours is slower. Threads as many as "
    "ours, float32, PyTorch in the faster of its two memory formats."
)


def tables_of(rows: Sequence[Row]) -> list[Table]:
    """A table for each operation and batch; ratios are an engine's time over ours."""
    return [_table(title, cases, rows) for title, cases in _groups(rows).items()]


def means(rows: Sequence[Row]) -> Iterator[str]:
    """The geometric mean and the least of the ratios to the best engine, a line for each table."""
    for title, cases in _groups(rows).items():
        found = {case: value for case in cases if (value := to_best(rows, case)) is not None}
        if found:
            least = min(found, key=lambda case: found[case])
            mean = math.exp(float(np.mean(np.log(list(found.values())))))
            yield (
                f"{title}: the best engine's time over ours, geometric mean {mean:.2f}, least "
                f"{found[least]:.2f} ({least.layer.network})"
            )


def to_best(rows: Sequence[Row], case: Case) -> float | None:
    """The median ratio of the best engine's time to ours; None where one was not timed."""
    ours = _ours(rows, case)
    other = best(rows, case)
    return None if ours is None or other is None else float(np.median(ratios(ours, other)))


def _groups(rows: Sequence[Row]) -> dict[str, list[Case]]:
    """Cases by the title of their table: the work, and the batch."""
    found: dict[str, list[Case]] = {}
    for case in dict.fromkeys(row.case for row in rows):
        work = "training step" if case.operation.endswith("step") else "forward"
        found.setdefault(f"{work}, batch {case.batch}", []).append(case)
    return found


def _ours(rows: Sequence[Row], case: Case) -> Row | None:
    return baseline(rows, case, "minidl")


def markdown_of(rows: Sequence[Row], machine: Machine) -> str:
    """The tables as Markdown, with their means, the meaning of the numbers and the machine."""
    parts = []
    for title, cases in _groups(rows).items():
        headings, lines = _lines(cases, rows)
        parts.append(f"### {title.capitalize()}\n\n{markdown(headings, lines, 1)}")
    sums = "\n".join(f"- {line}." for line in means(rows))
    return "\n\n".join([*parts, sums, LEGEND, machine.summary])


def _table(title: str, cases: Sequence[Case], rows: Sequence[Row]) -> Table:
    table = Table(title=f"\n{title}\n", title_justify="left", box=None, padding=(0, 1, 0, 0))
    headings, lines = _lines(cases, rows)
    for heading in headings:
        table.add_column(heading, justify="left" if table.columns == [] else "right", no_wrap=True)
    for cells in lines:
        table.add_row(*map(Text, cells))
    return table


def _lines(cases: Sequence[Case], rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """(headings, a line for each network); engines that nobody asked for have no column."""
    some = [row for row in rows if row.case in cases]
    timed = [name for name in ENGINES if any(row.contender.library == name for row in some)]
    names = [ENGINES[name] for name in timed]
    headings = ["network", "minidl", "spread", *names, "of the best", "best"]
    return headings, [_cells(case, rows, timed) for case in cases]


def _cells(case: Case, rows: Sequence[Row], engines: Sequence[str]) -> list[str]:
    ours, other = _ours(rows, case), best(rows, case)
    own = ["-", "-"] if ours is None else [duration(ours.time), f"±{spread(ours.seconds):.0%}"]
    found = [_engine(rows, case, name, ours) for name in engines]
    ratio = to_best(rows, case)
    last = ["-" if ratio is None else f"{ratio:.2f}", "-"]
    if other is not None:
        last[1] = ENGINES.get(other.contender.library, other.contender.title)
    return [case.layer.network, *own, *found, *last]


def _engine(rows: Sequence[Row], case: Case, library: str, ours: Row | None) -> str:
    """An engine's time and its ratio to ours, or why it has none."""
    row = baseline(rows, case, library)
    if row is None:
        those = [r for r in rows if r.case == case and r.contender.library == library]
        return those[0].problem.partition(":")[0] if those else "-"
    ratio = "" if ours is None else f" {np.median(ratios(ours, row)):.2f}"
    return f"{duration(row.time)}{ratio}"
