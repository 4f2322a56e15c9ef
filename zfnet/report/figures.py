"""Figures as files for papers: format, width, resolution; text stays text, fonts are embedded.

The same figure gives the same bytes: there is no date in a file. Lines and bars of several colours
also differ in their dashes, markers and hatches, so that they can be told apart in grey.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text

from zfnet.documented import documented
from zfnet.report import charts
from zfnet.report.encoding import png

INCHES = {"mm": 1 / 25.4, "cm": 1 / 2.54, "in": 1.0, "pt": 1 / 72, "": 1.0}
NARROWEST, WIDEST = 0.5, 60.0
"""Inches."""
SMALLEST = 0.65
"""Text shrinks with a figure at most to this share of its size."""
Dash = Literal["-"] | tuple[float, Sequence[float]]
DASHES: tuple[Dash, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 3)))
MARKERS = ("o", "s", "^", "D", "v")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx")
METADATA: dict[str, dict[str, Any]] = {
    "svg": charts.METADATA,
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Figures:
    """The files of figures that stand beside a page."""

    format: Literal["png", "svg", "pdf"] = documented(
        "png", "Of the files of figures beside the page."
    )
    figure_width: str = documented(
        "", "Of these files, for a paper's column: 84mm, 8.4cm, 3.3in (default: their own)."
    )
    dpi: int = documented(300, "Pixels to an inch, with --figure-width.", least=50)

    def inches(self) -> float | None:
        """The width in inches; None for a figure's own. ValueError for what is no width."""
        if not self.figure_width:
            return None
        found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(mm|cm|in|pt|)\s*", self.figure_width)
        width = float(found[1]) * INCHES[found[2]] if found else 0.0
        if not NARROWEST <= width <= WIDEST:
            raise ValueError(
                f"--figure-width is {self.figure_width!r}: a number with mm, cm, in or pt is "
                f"needed, from {NARROWEST:g} to {WIDEST:g} inches, such as 84mm"
            )
        return width

    def as_file(self, figure: Figure, dots_per_inch: int = 160) -> bytes:
        """The figure in this format and width; dots_per_inch: where no width is given."""
        width = self.inches()
        charts.plain(figure)
        if width is not None:
            resize(figure, width)
        buffer = io.BytesIO()
        with matplotlib.rc_context({**charts.SETTINGS, "pdf.fonttype": 42}):
            figure.savefig(
                buffer, format=self.format, dpi=self.dpi if width else dots_per_inch,
                facecolor="white", metadata=METADATA[self.format],
            )  # fmt: skip
        return buffer.getvalue()

    def as_picture(self, pixels: np.ndarray, dots_per_inch: int = 160) -> bytes:
        """A picture (H,W,3) uint8 as a file, without a frame.

        A PNG of no given width has the picture's own pixels.
        """
        if self.format == "png" and not self.figure_width:
            return png(pixels)
        h, w = pixels.shape[:2]
        figure = Figure((w / dots_per_inch, h / dots_per_inch))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.imshow(pixels, interpolation="none", aspect="auto")
        axes.set_axis_off()
        return self.as_file(figure, dots_per_inch)


OWN = Figures()
"""PNG files of the figures' own sizes."""


def resize(figure: Figure, width: float) -> None:
    """Make a figure that wide, in inches, with its proportions; text shrinks less than the rest."""
    own, height = figure.get_size_inches()
    share = width / own
    figure.set_size_inches(width, height * share)
    if share >= 1:
        return
    text, line = max(share, SMALLEST), max(share, 0.5)
    for each in figure.findobj():
        if isinstance(each, Text):
            each.set_fontsize(each.get_fontsize() * text)
        elif isinstance(each, Line2D):
            each.set_linewidth(each.get_linewidth() * line)
            each.set_markersize(each.get_markersize() * line)


def distinguish(figure: Figure) -> None:
    """Give lines and bars of several colours dashes, markers and hatches of their own.

    Lines that differ in dashes or in markers by themselves keep them.
    """
    for axes in figure.axes:
        lines = [line for line in axes.get_lines() if _colour(line)]
        shown = [*lines, *_bars(axes)]
        colours = list(dict.fromkeys(filter(None, map(_colour, shown))))
        alike = all(
            len({read(line) for line in lines} - {"None", "none", ""}) < 2
            for read in (Line2D.get_linestyle, lambda line: str(line.get_marker()))
        )
        if len(colours) > 1:
            for artist in (*shown, *_handles(axes, figure)):
                _mark(artist, colours, alike)


def _mark(artist: Artist, colours: Sequence[str], alike: bool) -> None:
    """alike: whether the lines differ in nothing but their colours."""
    colour = _colour(artist)
    if colour not in colours:
        return
    n = colours.index(colour)
    if isinstance(artist, Line2D):
        if alike and artist.get_linestyle() == "-":
            artist.set_linestyle(DASHES[n % len(DASHES)])
        if alike and artist.get_marker() == "o":
            artist.set_marker(MARKERS[n % len(MARKERS)])
    elif isinstance(artist, Patch):
        artist.set_hatch(HATCHES[n % len(HATCHES)])
        artist.set_edgecolor("white")
        artist.set_linewidth(0)


def _bars(axes: Axes) -> Iterator[Rectangle]:
    for container in axes.containers:
        yield from (each for each in container if isinstance(each, Rectangle))


def _handles(axes: Axes, figure: Figure) -> Iterator[Artist]:
    for legend in (axes.get_legend(), *figure.legends):
        if legend is not None:
            yield from (each for each in legend.legend_handles if each is not None)


def _colour(artist: Artist) -> str:
    """Of the charts' colours alone: what is drawn in the text's colour is no series."""
    if isinstance(artist, Line2D):
        found = to_hex(artist.get_color())
    elif isinstance(artist, Patch):
        found = to_hex(artist.get_facecolor())
    else:
        return ""
    return found if found in charts.COLOURS else ""
