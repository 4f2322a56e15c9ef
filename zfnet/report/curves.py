"""The training curve as SVG: loss and accuracy by epoch, readable on light and on dark.

Written out by hand rather than drawn by matplotlib: the text stays text, the colours follow the
reader's scheme inside an HTML page and in the file by itself, and the same history gives the same
bytes without any global setting (matplotlib takes the salt of its SVG ids from one).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Record = Mapping[str, float | int | str | None]
Point = tuple[float, float]

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 96, 44, 40
LABEL_HEIGHT = 30

STYLE = """
text { font: 12px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
       fill: #6b6a66; font-variant-numeric: tabular-nums; }
.title { font-size: 13px; font-weight: 600; fill: #23221f; }
.value { font-size: 14px; font-weight: 600; }
.grid { stroke: #23221f; stroke-opacity: .1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.train .line { stroke: #9a978f; } .train circle, .train text { fill: #7d7a72; }
.val .line { stroke: #b3401f; } .val circle, .val text { fill: #b3401f; }
@media (prefers-color-scheme: dark) {
  text { fill: #9b9a95; } .title { fill: #e9e7e1; } .grid { stroke: #e9e7e1; }
  .train .line { stroke: #7f7d77; } .train circle, .train text { fill: #9b9a95; }
  .val .line { stroke: #f0906c; } .val circle, .val text { fill: #f0906c; }
}
"""


@dataclass(frozen=True)
class Quantity:
    """What one panel shows: its title, the columns of the history, how a value is written."""

    title: str
    train: str
    val: str
    percent: bool

    def written(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.percent else f"{value:.3g}"

    def tick(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self.percent else f"{value:g}"


QUANTITIES = {
    "loss": Quantity("Loss", "train_loss", "val_loss", percent=False),
    "accuracy": Quantity("Accuracy", "train_accuracy", "val_accuracy", percent=True),
}


@dataclass(frozen=True)
class Frame:
    """Maps data to the panel's pixels: epochs from left to right, values from 0 upwards."""

    first: float
    last: float
    top: float

    def x(self, epoch: float) -> float:
        return LEFT + (epoch - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)


def curve(history: Sequence[Record], quantities: Sequence[str] = ("loss", "accuracy")) -> str:
    """Draw a training history as SVG text, one panel a quantity, side by side.

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
    width = WIDTH * len(quantities)
    panels = "".join(
        f'<g transform="translate({WIDTH * i} 0)">{_panel(history, QUANTITIES[name])}</g>'
        for i, name in enumerate(quantities)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" role="img">'
        f"<title>{escape(' and '.join(quantities))} by epoch</title>"
        f"<style>{STYLE}</style>{panels}</svg>\n"
    )


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten in [low, high]: at most so many, 2 or more."""
    rough = max((high - low) / max(most - 1, 1), 1e-12)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _panel(history: Sequence[Record], quantity: Quantity) -> str:
    series = {
        "train": list(_points(history, quantity.train)),
        "val": list(_points(history, quantity.val)),
    }
    _require_range([y for points in series.values() for _, y in points], quantity)
    frame = _frame(series, quantity)
    lines = "".join(_line(name, points, frame) for name, points in series.items())
    title = f'<text class="title" x="{LEFT}" y="20">{quantity.title}</text>'
    return title + _grid(frame, quantity) + lines + _labels(series, frame, quantity)


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


def _frame(series: dict[str, list[Point]], quantity: Quantity) -> Frame:
    points = [point for line in series.values() for point in line] or [(0.0, 1.0)]
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    highest = 1.0 if quantity.percent else max(y for _, y in points) or 1.0
    return Frame(first, last if last > first else first + 1, highest)


def _grid(frame: Frame, quantity: Quantity) -> str:
    parts = []
    for value in nice_ticks(0, frame.top, 6):
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{quantity.tick(value)}</text>'
        )
    below = HEIGHT - BOTTOM + 20
    for epoch in nice_ticks(frame.first, frame.last, 8):
        if epoch.is_integer():
            x = frame.x(epoch)
            parts.append(f'<text x="{x:.1f}" y="{below}" text-anchor="middle">{epoch:.0f}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT + 14}" y="{below}">epoch</text>')
    return "".join(parts)


def _line(name: str, points: list[Point], frame: Frame) -> str:
    if not points:
        return ""
    places = [f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in points]
    x, y = places[-1].split()
    path = f'<path class="line" d="M{"L".join(places)}"/>' if len(places) > 1 else ""
    return f'<g class="{name}">{path}<circle cx="{x}" cy="{y}" r="3.5"/></g>'


def _labels(series: dict[str, list[Point]], frame: Frame, quantity: Quantity) -> str:
    words = {"train": "training", "val": "validation"}
    ends = sorted((frame.y(line[-1][1]), name) for name, line in series.items() if line)
    parts = []
    for place, (_, name) in zip(_apart([y for y, _ in ends]), ends, strict=True):
        x, value = WIDTH - RIGHT + 14, quantity.written(series[name][-1][1])
        parts.append(
            f'<g class="{name}"><text class="value" x="{x}" y="{place:.1f}">{value}</text>'
            f'<text x="{x}" y="{place + 14:.1f}">{words[name]}</text></g>'
        )
    return "".join(parts)


def _apart(heights: list[float]) -> list[float]:
    """Spread the sorted ends of at most two lines so that their labels do not touch."""
    lowest = HEIGHT - BOTTOM - LABEL_HEIGHT / 2
    if len(heights) == 2 and heights[1] - heights[0] < LABEL_HEIGHT + 4:
        middle = min(sum(heights) / 2, lowest - LABEL_HEIGHT / 2 - 2)
        return [middle - LABEL_HEIGHT / 2 - 2, middle + LABEL_HEIGHT / 2 + 2]
    return [min(height, lowest) for height in heights]
