"""Page of `zfnet transfer --protocol voc2012`: Table 6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zfnet.data.voc import Voc
from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.chosen_layers import Key, top
from zfnet.experiments.shared.feature_bank import MEMORY, read_features
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.experiments.transfer import average_precision as precision
from zfnet.experiments.transfer.average_precision import ClassPrecision
from zfnet.network import Network
from zfnet.report import charts

LEAD = (
    "The layers up to `{layer}` of a network that learned from {learned}, with a logistic "
    "regression per class: which of the classes of {data} are in an image?"
)
HOW = (
    "Average precision on the {count} images of val, one classifier per class, learned from the "
    "{learned} images of train. Grey is the share of images that have the class."
)
SENSE = (
    "Average precision is VOC 2012's: the area under the interpolated curve of precision by "
    "recall. Images in which all there is of a class is marked difficult are left out for this "
    "class. The paper's numbers are of the test images, whose labels are not public."
)
COLUMNS = ("class", "average_precision", "share_of_images", "images", "c")


def write_voc(
    network: Network,
    splits: tuple[Voc, Voc],
    results: Results,
    *,
    layer: Key | None = None,
    c: float | None = None,
    memory: int = MEMORY,
    seed: int = 0,
    report: Report = silent,
) -> Path:
    """Table 6 for a network and a data set in VOC's layout; written after each class.

    splits: train and val. layer: as `chosen_layers.top` takes it. Returns the page's path.
    ValueError for a class that one of them lacks.
    """
    train, test = splits
    precision.check_presence(train, test)
    layer = top(network.model, layer)
    banks = (
        read_features(network, train, [layer], memory=memory, report=_titled(report, "train")),
        read_features(network, test, [layer], memory=memory, report=_titled(report, "val")),
    )
    found = precision.score_classes(banks, splits, layer, c=c, seed=seed, report=report)
    how = HOW.format(count=len(banks[1].labels), learned=len(banks[0].labels))
    lead = LEAD.format(
        layer=layer, learned=Path(network.data).name or "other images", data=Path(train.name).name
    )
    page = results.out
    for entries in found:
        unreadable = {**banks[0].bad, **banks[1].bad}
        page = _write(results, entries, lead, how, unreadable, classifiers.described(c))
    return page


def _titled(report: Report, split: str) -> Report:
    return lambda title, done, total: report(f"{title} of {split}", done, total)


def _write(
    results: Results,
    found: Sequence[ClassPrecision],
    lead: str,
    how: str,
    unreadable: dict[str, str],
    scaled: str,
) -> Path:
    said = precision.verdict(found)
    mean = float(np.mean([entry.precision for entry in found]))
    results.numbers(
        mean=mean, published_mean=precision.PUBLISHED / 100, unreadable=unreadable,
        classes=[asdict(entry) for entry in found], verdict=said,
    )  # fmt: skip
    results.table("transfer", COLUMNS, [list(asdict(entry).values()) for entry in found])
    page = results.page("What the features are worth elsewhere", lead)
    section = page.section("Average precision by class", said)
    section.figure(results.chart("transfer", _chart(found)), how, "Average precision by class")
    section.table(
        ("class", "average precision, %", "share, %", "images of val"), _shown(found, mean)
    )
    section.paragraph(SENSE).paragraph(scaled)
    return results.write(page)


def _shown(found: Sequence[ClassPrecision], mean: float) -> Iterator[list[str]]:
    for entry in found:
        shares = (f"{100 * value:.1f}" for value in (entry.precision, entry.share))
        yield [entry.name, *shares, str(entry.positives)]
    yield [f"mean of {len(found)}", f"{100 * mean:.1f}", "", ""]
    yield ["published mean of 20", f"{precision.PUBLISHED:.1f}", "", ""]


def _chart(found: Sequence[ClassPrecision]) -> Figure:
    figure, (axes,) = charts.panels(width=8, height=3.4)
    charts.style_axes(axes, "Average precision by class", y="%")
    places = range(len(found))
    axes.bar(places, [100 * e.precision for e in found], color=charts.COLOURS[0], label="ours")
    axes.bar(places, [100 * e.share for e in found], color=charts.COLOURS[6], label="random order")
    axes.axhline(precision.PUBLISHED, color=charts.COLOURS[1], linestyle="--",
                 label="published mean")  # fmt: skip
    axes.set_xticks([*places], [e.name for e in found], rotation=45, ha="right")
    axes.set_ylim(0, 100)
    charts.legend(axes, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
