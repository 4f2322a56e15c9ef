"""Training curves as SVG: loss and accuracy by epoch."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from zfnet.report.charts import METADATA, SETTINGS, TEXT
from zfnet.report.numbers import percent, written

Record = Mapping[str, float | int | str | None]
Point = tuple[float, float]

WIDTH, HEIGHT = 4.8, 3.0  # of a panel, in inches
TRAIN, VAL = "#8a877f", "#b3401f"

# matplotlib writes fixed colours; a reader who prefers the dark gets these over them.
DARK = """<style>@media (prefers-color-scheme: dark) {
text { fill: #9b9a95 !important; }
#val path, #val use { stroke: #f0906c !important; }
#val use { fill: #f0906c !important; } #val-label text { fill: #f0906c !important; }
#train path, #train use { stroke: #9b9a95 !important; } #train use { fill: #9b9a95 !important; }
}</style>"""


@dataclass(frozen=True)
class Quantity:
    """One panel: its title, the columns of the history, and the format of a value."""

    title: str
    train: str
    val: str
    percent: bool

    def written(self, value: float) -> str:
        return percent(value, 1) if self.percent else written(value)


QUANTITIES = {
    "loss": Quantity("Loss", "train_loss", "val_loss", percent=False),
    "accuracy": Quantity("Accuracy", "train_accuracy", "val_accuracy", percent=True),
}


def curve(history: Sequence[Record], quantities: Sequence[str] = ("loss", "accuracy")) -> str:
    """Draw a training history as SVG text, one panel for each quantity, side by side.

    history has one record an epoch, with "epoch" (counted from 1 where missing) and any of
    train_loss, val_loss, train_accuracy, val_accuracy (accuracies are shares, 0 to 1). Numbers may
    be strings, as a CSV reader gives them; what is missing, None or NaN is left out. The text is a
    whole SVG file, without references to anything outside. Raises ValueError without epochs, for
    other quantities, for negative losses and for accuracies outside 0 to 1.
    """
    if not history:
        raise ValueError("a curve needs at least one epoch, the history has 0")
    unknown = [name for name in quantities if name not in QUANTITIES]
    if unknown or not quantities:
        raise ValueError(f"cannot draw {unknown or 'no quantity'}: one or more of loss, accuracy")
    with matplotlib.rc_context(SETTINGS):
        figure = Figure((WIDTH * len(quantities), HEIGHT), layout="constrained")
        panels = figure.subplots(1, len(quantities), squeeze=False)[0]
        for axes, name in zip(panels, quantities, strict=True):
            _panel(axes, history, QUANTITIES[name])
        return _svg(figure)


def _svg(figure: Figure) -> str:
    """The figure as an SVG element, with colours for dark pages."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata=METADATA)
    text = buffer.getvalue()
    start, end = text.index("<svg"), text.index(">", text.index("<svg")) + 1
    return text[start:end] + DARK + text[end:]


def _panel(axes: Axes, history: Sequence[Record], quantity: Quantity) -> None:
    """Both lines of one quantity, each with its last value as a label."""
    lines = {
        "train": list(_points(history, quantity.train)),
        "val": list(_points(history, quantity.val)),
    }
    _require_range([y for points in lines.values() for _, y in points], quantity)
    ends = {name: points[-1][1] for name, points in lines.items() if points}
    for name, colour, label in (("train", TRAIN, "training"), ("val", VAL, "validation")):
        if lines[name]:
            xs, ys = zip(*lines[name], strict=True)
            axes.plot(xs, ys, color=colour, linewidth=2, marker="o", markevery=[-1], gid=name)
            upper = ends[name] == max(ends.values())
            _label(
                axes, xs[-1], ys[-1], f"{quantity.written(ys[-1])}\n{label}", colour, name, upper
            )
    _style_axes(axes, quantity)


def _label(axes: Axes, x: float, y: float, text: str, colour: str, name: str, upper: bool) -> None:
    """A label at the line's end: above it for the upper line, below it for the lower one."""
    axes.annotate(
        text, (x, y), (9, 1 if upper else -1), textcoords="offset points", color=colour, fontsize=9,
        verticalalignment="bottom" if upper else "top", annotation_clip=False, gid=f"{name}-label",
    )  # fmt: skip


def _style_axes(axes: Axes, quantity: Quantity) -> None:
    """Axes without a frame, with horizontal grid lines and whole epochs."""
    axes.set_title(quantity.title, loc="left", fontsize=10, fontweight="bold", color=TEXT)
    axes.set_xlabel("epoch", loc="right", color=TEXT, fontsize=9)
    axes.set_ylim(bottom=0, top=1 if quantity.percent else None)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(length=0, labelcolor=TEXT, labelsize=9)
    axes.grid(axis="y", color=TEXT, alpha=0.2, linewidth=0.8)
    axes.spines[:].set_visible(False)
    if quantity.percent:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def _points(history: Sequence[Record], column: str) -> Iterator[Point]:
    for number, record in enumerate(history, start=1):
        value, epoch = record.get(column), record.get("epoch")
        if value is None or value == "" or not math.isfinite(float(value)):
            continue
        yield float(number if epoch is None else epoch), float(value)


def _require_range(values: list[float], quantity: Quantity) -> None:
    high = 1.0 if quantity.percent else math.inf
    outside = [value for value in values if not 0 <= value <= high]
    if outside:
        raise ValueError(f"{quantity.title.lower()} of {outside[0]:g}: it lies from 0 to {high:g}")
