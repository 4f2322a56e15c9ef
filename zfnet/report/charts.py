"""Charts in the report's style, by matplotlib: SVG for a page, PNG for a file."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from kernels.terminal.printable import printable

TEXT = "#6b6a66"
COLOURS = ("#b3401f", "#2f7f86", "#b98a1d", "#6a5aa8", "#5d8a3a", "#a04a78", "#8a877f")
"""For lines, bars and points, in this order; distinguishable on light and dark pages."""

# Text is not converted to paths; a fixed salt and no date make the bytes reproducible.
SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "zfnet", "font.family": "sans-serif",
    "text.parse_math": False, "text.usetex": False,
}  # fmt: skip
METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
DARK = (
    """<style>@media (prefers-color-scheme: dark) { text { fill: #b9b8b2 !important; } }</style>"""
)


def panels(columns: int = 1, width: float = 4.8, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    """A figure of `columns` panels side by side, each of this size in inches."""
    figure = Figure((width * columns, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def style_axes(axes: Axes, title: str, x: str = "", y: str = "") -> None:
    """Axes without a frame, with horizontal grid lines, a title and labels."""
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=TEXT)
    axes.set_xlabel(x, loc="right", color=TEXT, fontsize=9)
    axes.set_ylabel(y, color=TEXT, fontsize=9)
    axes.tick_params(length=0, labelcolor=TEXT, labelsize=9)
    axes.grid(axis="y", color=TEXT, alpha=0.2, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def legend(axes: Axes, **options: Any) -> None:
    """A legend without a frame."""
    axes.legend(frameon=False, fontsize=9, labelcolor=TEXT, **options)


def plain(figure: Figure) -> None:
    """Take every text of the figure literally: names from outside may have a $ in them, which
    matplotlib would read as the beginning of a formula."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(printable(text.get_text(), "\n"))


def svg(figure: Figure) -> str:
    """The figure as an SVG element alone, its text readable on dark too."""
    buffer = io.StringIO()
    plain(figure)
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", transparent=True, metadata=METADATA)
    text = buffer.getvalue()
    start, end = text.index("<svg"), text.index(">", text.index("<svg")) + 1
    return text[start:end] + DARK + text[end:]


def png(figure: Figure, dots_per_inch: int = 160) -> bytes:
    """The figure as a PNG file on white."""
    buffer = io.BytesIO()
    plain(figure)
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(buffer, format="png", dpi=dots_per_inch, facecolor="white", metadata={})
    return buffer.getvalue()
