"""Occlusion card as one figure with legends, for a PNG file."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from zfnet.report import charts
from zfnet.report.numbers import percent
from zfnet.report.occlusion import OcclusionCard, Panel, panels

SIDE, HEIGHT = 2.6, 3.9
"""Inches of a column, and of the figure."""


def occlusion_figure(card: OcclusionCard) -> Figure:
    """The columns of Fig 7 side by side, with captions, title and note."""
    shown = panels(card)
    figure, axes = charts.panels(len(shown), SIDE, HEIGHT)
    for axis, panel in zip(axes, shown, strict=True):
        _draw(axis, panel)
    figure.suptitle(f"{card.title}: {card.classes[card.truth]}", color=charts.TEXT, fontsize=11)
    figure.supxlabel(card.note, x=0.005, ha="left", color=charts.TEXT, fontsize=9)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.picture)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(panel.caption.replace("; ", ";\n"), color=charts.TEXT, fontsize=8, loc="left")
    if panel.scale:
        _add_bar(axes, *panel.scale)
    if panel.shares:
        patches = [
            Patch(color=(r / 255, g / 255, b / 255), label=f"{name} {percent(share)}")
            for (r, g, b), name, share in panel.shares
        ]
        charts.legend(
            axes, handles=patches, loc="upper left", bbox_to_anchor=(-0.03, -0.09), ncols=2
        )


def _add_bar(axes: Axes, colours: str, low: str, high: str) -> None:
    """A colour bar below the caption: an inset, so that the pictures keep one height."""
    bar = axes.inset_axes((0, -0.17, 1, 0.035))
    ramp = np.linspace(0, 1, 256)[None]
    bar.imshow(ramp, cmap=colours, aspect="auto", extent=(0, 1, 0, 1))
    bar.set_xticks([0, 1], [low, high], color=charts.TEXT, fontsize=8)
    bar.set_yticks([])
    bar.tick_params(length=0)
    bar.spines[:].set_visible(False)
