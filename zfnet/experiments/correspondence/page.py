"""Page of `zfnet correspondence`: Table 1 beside the paper's, a chart, Fig 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.experiments.correspondence.claims import (
    PUBLISHED,
    interval,
    narrowing,
    sentences,
    tightness,
)
from zfnet.experiments.correspondence.hidden_parts import Subject, hide
from zfnet.experiments.correspondence.measure import Correspondence, Delta
from zfnet.experiments.correspondence.regions import RANDOM
from zfnet.experiments.shared.estimates import Estimate, estimate
from zfnet.experiments.shared.results import Results
from zfnet.network import Network
from zfnet.report import Page, charts, pictures

SHOWN, PLACES_SHOWN = 150, 3
"""Pixels of an image in Fig 8, and the number of its random places that are shown."""
HEADER = (
    "layer", "part", "mean", "std", "low", "high", "relative to chance", "relative low",
    "relative high", "published mean", "published std",
)  # fmt: skip


DIAMONDS = " Diamonds: the paper's Table 1, another network on photographs of dogs."


def write_correspondence(network: Network, found: Correspondence, results: Results) -> Path:
    """Numbers, table, chart, pictures and page; returns the page's path."""
    results.numbers(
        deltas=[_numbers(delta) for delta in found.deltas],
        tighter={layer: _differences(found, layer, relative=False) for layer in found.layers},
        relatively_tighter={layer: _differences(found, layer, relative=True)
                            for layer in found.layers},
        narrower=asdict(narrowing(found)) if len(found.layers) > 1 else None,
        sentences=sentences(found),
        shown=[subject.title for subject in found.shown],
        random_sides=found.random_sides,
    )  # fmt: skip
    results.table("deltas", HEADER, map(_line, found.deltas))
    page = results.page("Does the network match parts?", _lead(found), _facts(network, found))
    _add_table(page, found, results)
    _add_pictures(page, network, found, results)
    return results.write(page)


def _differences(found: Correspondence, layer: str, *, relative: bool) -> dict[str, Any]:
    return {k: asdict(d) for k, d in tightness(found, layer, relative=relative).items()}


def _numbers(delta: Delta) -> dict[str, Any]:
    return {
        "layer": delta.layer, "part": delta.part, "mean": delta.mean, "std": delta.std,
        "mean_of_sets": asdict(estimate(delta.by_set)),
        "relative_to_chance": asdict(estimate(delta.relative_by_set)),
        "distances": delta.distances, "by_chance": delta.chances,
        "published": PUBLISHED.get((delta.layer, delta.part)),
    }  # fmt: skip


def _line(delta: Delta) -> list[object]:
    means, relative = estimate(delta.by_set), estimate(delta.relative_by_set)
    published = PUBLISHED.get((delta.layer, delta.part), ("", ""))
    line = [delta.layer, delta.part, delta.mean, delta.std, *_share_ends(means)]
    return [*line, relative.mean, *_ends(relative), *published]


def _ends(found: Estimate) -> tuple[object, object]:
    return ("", "") if found.half is None else interval(found)


def _share_ends(found: Estimate) -> tuple[object, object]:
    return found.share_interval() or ("", "")


def _lead(found: Correspondence) -> str:
    return (
        f"A grey patch hides each of {', '.join(found.parts)} in {found.images} images of a class. "
        "If the network knows the part, hiding it changes the features of all of them alike, and "
        "Delta, the share of features that change in different directions, is smaller than for "
        "patches at random places (paper, section 4.3, Fig 8 and Table 1)."
    )


def _facts(network: Network, found: Correspondence) -> list[tuple[str, str]]:
    S = network.preprocess.image_size
    least, most = min(found.random_sides.values()), max(found.random_sides.values())
    random = f"{most}" if least == most else f"{least} to {most}"
    return [
        ("images in a set", str(found.images)),
        ("sets", str(found.repeats)),
        ("side of a patch", f"{found.size} of {S} pixels, unless a part has its own"),
        ("side at random places", f"{random} pixels, the mean of the image's parts"),
    ]


def _add_table(page: Page, found: Correspondence, results: Results) -> None:
    section = page.section("Table 1")
    for sentence in sentences(found):
        section.paragraph(sentence)
    for layer in found.layers:
        section.subheading(f"At `{layer}`")
        header = ["hidden", "Delta", "95 % interval", "relative to chance", "published"]
        section.table(header, [_row(found.delta(layer, p)) for p in [*found.parts, RANDOM]])
    section.figure(
        results.chart("deltas", _chart(found)),
        "Delta by what is hidden: the mean over all pairs and their standard deviation."
        + (DIAMONDS if any(map(_published, found.deltas)) else ""),
        "Bars of Delta for each part and for random places at each layer",
        pixelated=False,
    )
    section.paragraph(
        "Delta is the mean over the pairs ± their standard deviation, as in the paper; the "
        "interval is of the mean over sets that have no image in common: Wilson's, with the spread "
        "over the sets and Student's quantile. Smaller "
        "is tighter. Delta also depends on how many features change at all: features that change "
        "in neither image agree. Relative to chance, it is divided by what it would be if the same "
        "signs stood at unrelated features: 1 means that the changes of two images have nothing in "
        "common. Left and right are as the data or the file of regions has them: in `scenes`, the "
        "viewer's."
    )


def _published(delta: Delta) -> tuple[float, float] | None:
    """Mean and standard deviation of Table 1; None for another part or layer."""
    return PUBLISHED.get((delta.layer, delta.part))


def _row(delta: Delta) -> list[str]:
    means, relative = estimate(delta.by_set), estimate(delta.relative_by_set)
    published, ends = _published(delta), means.share_interval()
    return [
        delta.part,
        f"{delta.mean:.3f} ± {delta.std:.3f}",
        "–" if ends is None else "{:.3f} to {:.3f}".format(*ends),
        relative.text(3),
        "–" if published is None else "{:.3f} ± {:.3f}".format(*published),
    ]


def _chart(found: Correspondence) -> Figure:
    figure, panels = charts.panels(len(found.layers))
    for axes, layer in zip(panels, found.layers, strict=True):
        _bars(axes, [found.delta(layer, part) for part in [*found.parts, RANDOM]])
        charts.style_axes(axes, layer, y="Delta")
        axes.set_ylim(bottom=0)
    return figure


def _bars(axes: Axes, deltas: Sequence[Delta]) -> None:
    names = [delta.part for delta in deltas]
    colours = [charts.COLOURS[0 if name == RANDOM else 1] for name in names]
    axes.bar(names, [d.mean for d in deltas], 0.6, yerr=[d.std for d in deltas], color=colours,
             error_kw={"ecolor": charts.TEXT, "capsize": 3})  # fmt: skip
    known = {n: key for n, d in enumerate(deltas) if (key := (d.layer, d.part)) in PUBLISHED}
    if known:
        means, spreads = zip(*(PUBLISHED[key] for key in known.values()), strict=True)
        axes.errorbar([n + 0.42 for n in known], means, spreads, color=charts.COLOURS[2], fmt="D",
                      markersize=4, capsize=3)  # fmt: skip


def _add_pictures(page: Page, network: Network, found: Correspondence, results: Results) -> None:
    tiles = [_tiles(network, subject) for subject in found.shown]
    columns = len(tiles[0])
    sheet = pictures.mosaic([tile for row in tiles for tile in row], columns, 6)
    hidden = [*found.parts, *[RANDOM] * (columns - 1 - len(found.parts))]
    page.section("The hidden parts").figure(
        results.picture("occluded", sheet),
        f"As Fig 8: an image per row; from left to right nothing, {', '.join(hidden)} hidden. "
        f"The images of the first set: {', '.join(subject.title for subject in found.shown)}.",
        "Images without and with grey patches over their parts",
        pixelated=False,
    )


def _tiles(network: Network, subject: Subject) -> list[np.ndarray]:
    """The original image, with each part occluded, and with some random places occluded."""
    boxes = [box for patches in subject.patches.values() for box in patches[:PLACES_SHOWN]]
    images = [subject.x, *(hide(network.preprocess, subject.x, box) for box in boxes)]
    times = max(1, SHOWN // subject.x.shape[-1])
    return [pictures.enlarge(network.preprocess.to_pixels(x), times) for x in images]
