"""Charts of the comparison: means with intervals, curves, similarity by randomised layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from zfnet.attribution_checks.intervals import Interval
from zfnet.experiments.compare_rules.explained import BASELINES
from zfnet.experiments.compare_rules.summary import Comparison, Order, Which
from zfnet.report import charts

GREY = charts.TEXT
LINES = ("-", "--", ":")


def style(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour and a line for each method; baselines are grey."""
    found: dict[str, dict[str, Any]] = {}
    grey, others = list(BASELINES), [name for name in names if name not in BASELINES]
    for i, name in enumerate(others):
        colour = charts.COLOURS[i % (len(charts.COLOURS) - 1)]  # (the last one is grey)
        found[name] = {"color": colour, "linestyle": LINES[i // (len(charts.COLOURS) - 1) % 3]}
    for name in names:
        if name in BASELINES:
            found[name] = {"color": GREY, "linestyle": LINES[grey.index(name)], "linewidth": 1}
    return found


def means(
    found: Mapping[str, Interval], title: str, label: str, *, beside: Mapping[str, float] = {}
) -> Figure:
    """A point and its interval for each name, from top to bottom; `beside`, a tick for each."""
    figure, (axes,) = charts.panels(width=5.2, height=0.7 + 0.27 * len(found))
    charts.style_axes(axes, title, label)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GREY, alpha=0.2, linewidth=0.8)
    for row, (name, one) in enumerate(found.items()):
        colour = GREY if name in BASELINES else charts.COLOURS[0]
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [row, row], color=colour, linewidth=2)
        axes.plot(one.mean, row, "o", color=colour, markersize=6)
        if name in beside:
            axes.plot(beside[name], row, "|", color=GREY, markersize=14, markeredgewidth=1.5)
    axes.set_yticks(range(len(found)), list(found))
    axes.set_ylim(len(found) - 0.4, -0.6)
    return figure


def curves(comparison: Comparison, which: Which) -> Figure:
    """The mean curve of each method by the share of pixels."""
    figure, (axes,) = charts.panels(width=5.2, height=3.4)
    done = {"deletion": "deleted", "insertion": "inserted"}[which]
    charts.style_axes(
        axes, f"{which.capitalize()}", f"pixels {done}, %", "probability of the class"
    )
    drawn = style(comparison.names)
    for name in comparison.names:
        score = comparison.curve(name, which)
        axes.plot(np.linspace(0, 100, len(score)), score, label=name, **drawn[name])
    axes.set_ylim(bottom=0)
    return figure


def by_level(comparison: Comparison, order: Order, measure: str, title: str) -> Figure:
    """The mean similarity to the trained network's map, by the randomised level."""
    figure, (axes,) = charts.panels(width=5.2, height=3.6)
    charts.style_axes(axes, title, "", "similarity")
    drawn = style(comparison.names)
    for name in comparison.names:
        if name == "centre":  # (the same map for every image)
            continue
        found = comparison.similarity(name, order, measure)
        axes.plot(
            range(len(found) + 1 if order == "cascade" else len(found)),
            [1.0] * (order == "cascade") + [one.mean for one in found],
            marker="o", markersize=3, label=name, **drawn[name],
        )  # fmt: skip
    names = ["none"] * (order == "cascade") + [short(level) for level in comparison.levels]
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7.5)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_ylim(top=1.05)
    return figure


def key(names: Sequence[str]) -> Figure:
    """The lines of methods with their names, for several charts."""
    columns = 2 if max(map(len, names)) > 14 else 3
    rows = -(-len(names) // columns)
    figure, (axes,) = charts.panels(width=5.2, height=0.15 + 0.24 * rows)
    axes.set_axis_off()
    drawn = style(names)
    handles = [axes.plot([], [], label=name, **drawn[name])[0] for name in names]
    axes.legend(
        handles, names, ncols=columns, loc="upper left", frameon=False, fontsize=9,
        labelcolor=charts.TEXT, borderaxespad=0,
    )  # fmt: skip
    return figure


def short(level: str, longest: int = 18) -> str:
    """A layer's name that fits under a chart: its end behind an ellipsis."""
    return level if len(level) <= longest else "…" + level[-longest + 1 :]
