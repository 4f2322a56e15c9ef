"""Page of `zfnet invariance`: charts and numbers (paper, Fig 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.experiments.invariance.measure import Invariance, Subject, Trend, invariance, trends
from zfnet.experiments.invariance.transforms import Sweep, transformed
from zfnet.experiments.shared.estimates import estimate
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.report import Page, charts, pictures
from zfnet.report.figures import OWN, Figures
from zfnet.report.numbers import written

SHOWN = 9
"""Pictures of each sweep on the page, at evenly spaced values."""
TILE = 72

METHOD = (
    "Each image is shifted, enlarged and turned before it is cropped, so that its own pixels come "
    "in over the crop's border; where the photograph ends, its outermost pixels are repeated. "
    "Shifts are whole pixels. Features are all activations of a layer, and their distance is "
    "Euclidean, to those of the image as it is. “Relative” is a distance as a share of that "
    "between two different images, on average over all pairs: so layers can be compared."
)


def write_invariance(
    network: Network,
    subjects: Sequence[Subject],
    out: Path,
    *,
    lines: int = 5,
    layers: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    figures: Figures = OWN,
    report: Report = silent,
) -> Path:
    """Fig 5 for a network and some images: `out`/index.html, the charts, and the numbers.

    lines:    the number of images drawn as lines, the first ones; statistics are over all.
    settings: of the command, for the record.
    Returns the page's path. ValueError as `invariance` raises it.
    """
    results = Results(out, "invariance", settings or {}, figures)
    found = invariance(network, subjects, layers=layers, report=report)
    _write_tables(results, found)
    claims = trends(found)
    results.numbers(**_numbers(found, claims))
    page = results.page("How far features move", _lead(found), _facts(found))
    _add_trends(page, claims)
    _add_charts(page, results, found, lines)
    _add_pictures(page, results, network, found, lines)
    return results.write(page)


def sentence(trend: Trend) -> str:
    """The measurement for a sweep's smallest transformations, and the verdict."""
    lower, upper = trend.layers
    d = trend.difference
    return (
        f"{trend.sweep.capitalize()} by {_listed(trend.values)} {trend.unit}: `{lower}` moves by "
        f"{trend.lower.mean:.2f} of the distance between two images, `{upper}` by "
        f"{trend.upper.mean:.2f}; the difference is {d.text(3)} (95 % interval over {d.count} "
        f"images). That the lower layer moves more {trend.verdict} here."
    )


def _listed(values: Sequence[float]) -> str:
    return " and ".join(written(value) for value in values)


def _lead(found: Invariance) -> str:
    return (
        f"{len(found.subjects)} images, transformed little by little: the Euclidean distance of "
        f"the features of {', '.join(f'`{layer}`' for layer in found.layers)} to those of the "
        "image as it is, and the probability of its class."
    )


def _facts(found: Invariance) -> list[tuple[str, str]]:
    known = sum(subject.label is not None for subject in found.subjects)
    counted = sum(len(sweep.values) for sweep in found.sweeps)
    return [
        ("images", str(len(found.subjects))),
        ("of a known class", str(known)),
        ("transformations", str(counted)),
    ]


def _add_trends(page: Page, claims: Sequence[Trend]) -> None:
    section = page.section(
        "Does the lower layer move more?",
        "The paper finds that small transformations have a dramatic effect in the first layer and "
        "a lesser one in the top layer of features. Here, for the smallest of each kind, image by "
        "image, with an interval by Student's t:",
    )
    for claim in claims:
        section.paragraph(sentence(claim))
    section.paragraph(METHOD)


def _add_charts(page: Page, results: Results, found: Invariance, lines: int) -> None:
    followed = "of the true class"
    if any(subject.label is None for subject in found.subjects):
        followed += " or, where that is not known, of the one that the untransformed image gets"
    section = page.section("Distances and probabilities")
    section.figure(
        results.chart("invariance", _figure(found, lines)),
        f"A coloured line per image, {_count(found, lines)} of {len(found.subjects)}; dashed, the "
        "mean over all. Dotted, the mean distance between two different images. Right, the "
        f"probability {followed}.",
        "Distances of features and probabilities by shift, scale and angle",
        pixelated=False,
        width=1120,
    )


def _count(found: Invariance, lines: int) -> int:
    return min(lines, len(found.subjects))


def _figure(found: Invariance, lines: int) -> Figure:
    """Fig 5: a row per sweep, a column per layer, the probability at the right."""
    columns, rows = len(found.layers) + 1, len(found.sweeps)
    figure = Figure((4.2 * columns, 2.7 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharey="col", squeeze=False)
    names = [_name(found, i) for i in range(_count(found, lines))]
    for axes, sweep in zip(grid, found.sweeps, strict=True):
        for panel, layer in zip(axes, found.layers, strict=False):
            _panel(panel, sweep, found.distances[layer][sweep.name], names)
            panel.axhline(found.between[layer], color=charts.TEXT, linestyle=":")
            charts.style_axes(panel, f"{sweep.name.capitalize()}: {layer}", sweep.unit, "distance")
        _panel(axes[-1], sweep, found.probabilities[sweep.name], names)
        charts.style_axes(
            axes[-1], f"{sweep.name.capitalize()}: probability", sweep.unit, "probability"
        )
    for panel in grid[0]:
        panel.set_ylim(bottom=0)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9,
                  labelcolor=charts.TEXT)  # fmt: skip
    return figure


def _panel(axes: Axes, sweep: Sweep, values: np.ndarray, names: Sequence[str]) -> None:
    """(N,T) values: the first images by name, and the mean of all."""
    for i, name in enumerate(names):
        colour = charts.COLOURS[i % len(charts.COLOURS)]
        axes.plot(sweep.values, values[i], color=colour, linewidth=1.4, label=name)
    mean = values.mean(axis=0)
    axes.plot(sweep.values, mean, color=charts.TEXT, linestyle="--", linewidth=2, label="mean")


def _name(found: Invariance, i: int) -> str:
    """ "2 · goldfish"; with a question mark where the class is the network's own answer."""
    guess = "" if found.subjects[i].label is not None else "?"
    return f"{i + 1} · {found.classes[i]}{guess}"


def _add_pictures(
    page: Page, results: Results, network: Network, found: Invariance, lines: int
) -> None:
    named = "; ".join(f"{_name(found, i)} ({found.subjects[i].title})"
                      for i in range(_count(found, lines)))  # fmt: skip
    section = page.section("The transformed images", f"From top to bottom: {named}.")
    for sweep in found.sweeps:
        at = np.unique(np.linspace(0, len(sweep.values) - 1, SHOWN).round().astype(int))
        tiles = [
            pictures.enlarge(network.preprocess.to_pixels(x), max(1, TILE // x.shape[-1]))
            for subject in found.subjects[:lines]
            for x in transformed(
                network.preprocess, subject.pixels, [sweep.transforms[t] for t in at]
            )
        ]
        values = ", ".join(written(sweep.values[t]) for t in at)
        section.subheading(sweep.name.capitalize())
        section.figure(
            results.picture(sweep.name, pictures.mosaic(tiles, len(at), 3)),
            f"From left to right, {sweep.unit}: {values}.",
            f"Images by {sweep.name}",
            pixelated=False,
            width=1120,
        )


def _write_tables(results: Results, found: Invariance) -> None:
    distances = [f"distance {layer}" for layer in found.layers]
    relative = [f"relative {layer}" for layer in found.layers]
    header = ["image", "class", "sweep", "value", *distances, *relative, "probability"]
    results.table("invariance", header, _rows(found))
    spread = [f"{name} {what}" for name in (*relative, "probability")
              for what in ("mean", "± 95 %")]  # fmt: skip
    results.table("means", ["sweep", "value", *spread], _means(found))


def _rows(found: Invariance) -> Iterator[list[object]]:
    """A row per image and transformation."""
    for i, subject in enumerate(found.subjects):
        for sweep in found.sweeps:
            for t, value in enumerate(sweep.values):
                distances = [found.distances[layer][sweep.name][i, t] for layer in found.layers]
                relative = [found.relative(layer, sweep)[i, t] for layer in found.layers]
                p = found.probabilities[sweep.name][i, t]
                label = found.classes[i]
                yield [subject.title, label, sweep.name, value, *distances, *relative, p]


def _means(found: Invariance) -> Iterator[list[object]]:
    """A row a transformation: means over the images with their 95 % intervals."""
    for sweep in found.sweeps:
        columns = [found.relative(layer, sweep) for layer in found.layers]
        columns.append(found.probabilities[sweep.name])
        for t, value in enumerate(sweep.values):
            means = [estimate(column[:, t]) for column in columns]
            yield [sweep.name, value, *(v for mean in means for v in (mean.mean, mean.half))]


def _numbers(found: Invariance, claims: Sequence[Trend]) -> dict[str, Any]:
    return {
        "images": [
            {
                "image": subject.title,
                "class": name,
                "class_is_known": subject.label is not None,
            }
            for subject, name in zip(found.subjects, found.classes, strict=True)
        ],
        "mean_distance_between_images": found.between,
        "sweeps": {
            sweep.name: {
                "unit": sweep.unit,
                "values": sweep.values,
                "distances": {layer: found.distances[layer][sweep.name] for layer in found.layers},
                "probabilities": found.probabilities[sweep.name],
            }
            for sweep in found.sweeps
        },
        "trends": [
            {**asdict(claim), "verdict": claim.verdict, "sentence": sentence(claim)}
            for claim in claims
        ],
    }
