"""Plots of the report: rows under the machine's roofline, and ratios to PyTorch as bars."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from bench.machine import Machine
from bench.operations import of
from bench.rows import Row, baseline, ratios

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

SUFFIXES = ("svg", "png")
COLOURS = {
    "ours": "tab:blue",
    "onnxruntime": "tab:orange",
    "openvino": "tab:green",
    "ncnn": "tab:red",
    "torch.compile": "tab:purple",
}
BAR = 0.22
"""Inches of height for a bar."""


def roofline(rows: Sequence[Row], machine: Machine, folder: Path) -> list[Path]:
    """roofline.svg and .png: GFLOP/s over operations per byte, ours filled, PyTorch's hollow.

    Operations are those really done; those of the definition where they are not known.
    """
    rows = [row for row in rows if row.contender.ours or row.contender.library == "torch"]
    figure, axes = plt.subplots(figsize=(8, 5.5))
    _draw_limits(axes, machine, [_intensity(row) for row in rows])
    markers = itertools.cycle("os^vDP*Xhd<>p8")
    for operation in dict.fromkeys(row.case.operation for row in rows):
        some = [row for row in rows if row.case.operation == operation]
        _draw_points(axes, some, operation, next(markers))
    axes.set(xscale="log", yscale="log", ylabel="GFLOP/s of the operations really done")
    axes.set_xlabel("operations per byte that has to move")
    title = "filled: ours; hollow: PyTorch, of the definition's operations where its are not known"
    axes.set_title(title, fontsize=9)
    axes.legend(fontsize=7, ncols=2, loc="lower right")
    axes.grid(True, which="major", alpha=0.3)
    return _save(figure, folder / "roofline")


def _draw_limits(axes: Axes, machine: Machine, intensities: Sequence[float]) -> None:
    least, most = min(intensities) / 2, max(intensities) * 2
    x = np.geomspace(least, most, 200)
    roofs = {"memory": machine.memory_gbytes, "cache": machine.cache_gbytes}
    for name, rate in roofs.items() if machine.device == "cpu" else [("memory", roofs["memory"])]:
        axes.plot(x, np.minimum(machine.peak_gflops, rate * x), "-", color="0.6", lw=1)
        _label(axes, f"{name} {rate:.0f} GB/s", (least, rate * least), "left")
    _label(axes, f"peak {machine.peak_gflops:.0f} GFLOP/s", (most, machine.peak_gflops), "right")


def _label(axes: Axes, text: str, place: tuple[float, float], side: str) -> None:
    """A small label above the end of a line, drawn over the points."""
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
    axes.annotate(text, place, (0, 6), textcoords="offset points", fontsize=7, color="0.2", ha=side,
                  zorder=5, bbox=box)  # fmt: skip


def _draw_points(axes: Axes, rows: Sequence[Row], operation: str, marker: str) -> None:
    colour = None
    for ours in (True, False):
        some = [row for row in rows if row.contender.ours is ours]
        if not some:
            continue
        x, y = [_intensity(row) for row in some], [_done(row) / row.time / 1e9 for row in some]
        label = operation if colour is None else None
        (line,) = axes.plot(x, y, marker, ms=5, label=label, color=colour)
        colour = line.get_color()
        line.set_markerfacecolor(colour if ours else "none")


def _done(row: Row) -> int:
    """Operations: those really done, or the definition's."""
    return row.operations or of(row.case).operations(row.case)


def _intensity(row: Row) -> float:
    """Operations per byte."""
    return _done(row) / of(row.case).bytes(row.case)


def ratio_bars(rows: Sequence[Row], batch: int, folder: Path) -> list[Path]:
    """ratios-batch-N.svg and .png: PyTorch's time over each contender's."""
    bars = [(row, against) for row in rows if (against := _against(row, rows, batch))]
    figure, axes = plt.subplots(figsize=(8, 1.2 + BAR * len(bars)))
    labels: set[str] = set()
    for place, (row, against) in enumerate(bars):
        library = "ours" if row.contender.ours else row.contender.library
        label = "_" + library if library in labels else library  # matplotlib hides what begins so
        _bar(axes, place, ratios(row, against), COLOURS[library], label)
        labels.add(library)
    axes.set_yticks(range(len(bars)), [_title(row) for row, _ in bars], fontsize=7)
    axes.axvline(1, color="0.3", lw=1)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel=f"times as fast as PyTorch, batch {batch}: median and quartiles")
    # On a range of less than ten the default axis writes 1.1 x 10^0, over its neighbour.
    low, high = axes.get_xlim()
    fine = high / low < 100  # else the labels overlap
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if fine else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=7)
    return _save(figure, folder / f"ratios-batch-{batch}")


def _bar(axes: Axes, place: int, values: Sequence[float], colour: str, label: str) -> None:
    """A bar from 1 to the median."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    error = np.array([[middle - low], [high - middle]])
    axes.barh(place, middle - 1, left=1, xerr=error, color=colour, label=label)


def _against(row: Row, rows: Sequence[Row], batch: int) -> Row | None:
    """PyTorch's row to compare a row of this batch size with; None for PyTorch's own rows."""
    if row.case.batch != batch or row.contender.library == "torch":
        return None
    return baseline(rows, row.case)


def _title(row: Row) -> str:
    return f"{row.case.operation} {row.case.layer.title}  {row.contender.title}"


def _save(figure: Figure, path: Path) -> list[Path]:
    figure.tight_layout()
    paths = [path.with_name(f"{path.name}.{suffix}") for suffix in SUFFIXES]
    for each in paths:
        figure.savefig(each, dpi=150)
    plt.close(figure)
    return paths
