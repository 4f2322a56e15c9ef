"""Page of `zfnet transfer`: Tables 4 and 5 and Fig 9 beside the published numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.data import Dataset
from zfnet.experiments.shared import chosen_layers, classifiers
from zfnet.experiments.shared.chosen_layers import Key
from zfnet.experiments.shared.feature_bank import MEMORY, FeatureBank, read_features
from zfnet.experiments.shared.folds import check_counts, labels_of
from zfnet.experiments.shared.gains import deviation, percent, points
from zfnet.experiments.shared.protocols import Protocol, Published
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.experiments.transfer import measure as transfer
from zfnet.experiments.transfer.claims import verdicts
from zfnet.experiments.transfer.measure import Accuracies, Folds, Scores
from zfnet.model import ConvNet
from zfnet.network import Network, require_conv_net
from zfnet.report import charts

LEAD = (
    "The layers up to `{layer}` of a network that learned from {learned}, with a new softmax for "
    "{data}; and, where one was trained, the same architecture on {data} alone."
)
HOW = (
    "In every fold, so many images of each class to learn from and at most 50 others to test on; "
    "the mean of the classes' accuracies, in per cent, with the standard deviation over the folds."
)
SOFTMAX = (
    "Pretrained: multinomial logistic regression (scikit-learn) on the output of `{layer}`, which "
    "is not trained further."
)
SCRATCH = (
    "From scratch: the same architecture with random weights, {epochs} epochs, with the same "
    "preprocessing and mean; its recipe is kept in the folder of each run, `runs`."
)
NO_SCRATCH = "No network was trained from scratch."
NO_RECIPE = (
    "No network was trained from scratch: this one was imported, and how such a network is trained "
    "is not known here."
)
NOTHING_NEW = (
    "The network has learned from {data} already: its features are not transferred to anything "
    "new here."
)
FOLDS_SHARE = (
    "Intervals are Student's t over the folds, paired. The folds draw from the same images, so "
    "that intervals hold for draws from this data set; for new images they would be wider."
)
HEADER = (
    "images per class", "scratch, %", "pretrained, %", "pretrained − scratch", "scratch, published",
    "pretrained, published",
)  # fmt: skip
COLUMNS = (
    "images_per_class", "kind", "folds", "mean", "standard_deviation", "published_mean",
    "published_standard_deviation",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Folds, trainings from scratch, and classifiers.

    per_class:      images per class; empty: the protocol's.
    folds:          draws of them.
    scratch_epochs: of the networks from scratch; 0 trains none.
    layer:          whose output is classified: a name, or a number of the paper's; None: layer 7,
                    or the input of the scores of a network without numbers.
    c, memory:      see `classifiers.fit` and `feature_bank.read_features`.
    """

    per_class: tuple[int, ...] = ()
    folds: int = 5
    scratch_epochs: int = transfer.SCRATCH_EPOCHS
    layer: Key | None = None
    c: float | None = None
    memory: int = MEMORY
    seed: int = 0


USUAL = Setting()


def write_transfer(
    network: Network,
    dataset: Dataset,
    protocol: Protocol,
    results: Results,
    setting: Setting = USUAL,
    report: Report = silent,
) -> Path:
    """Fig 9 for a network and a data set; all files are written after each fold.

    Returns the page's path. ValueError for a class with too few images, before anything is
    computed; raises `runs.Stopped` after Ctrl-C while a network is trained.
    """
    sizes = tuple(sorted(set(setting.per_class or protocol.per_class)))
    folds, epochs, c, seed = setting.folds, setting.scratch_epochs, setting.c, setting.seed
    check_counts(labels_of(dataset), dataset.classes, sizes, folds)
    layer = chosen_layers.top(network.model, setting.layer)
    if epochs:
        require_conv_net(network, "training from scratch")
    bank = read_features(network, dataset, [layer], memory=setting.memory, report=report)
    check_counts(bank.labels, dataset.classes, sizes, folds)  # of those that can be read
    drawn, scores = Folds.drawn(dataset, bank, sizes, folds, seed), Scores(sizes)
    notes = _notes(network, bank, layer, epochs, c)
    page = results.out
    for _ in transfer.score_pretrained(drawn, layer, scores, c=c, seed=seed, report=report):
        page = _write(results, network, dataset, protocol, bank, scores, notes)
    if epochs:
        for _ in transfer.score_scratch(
            network, drawn, scores, results.out, epochs=epochs, seed=seed, report=report
        ):
            page = _write(results, network, dataset, protocol, bank, scores, notes)
    return page


def _notes(
    network: Network, bank: FeatureBank, layer: str, scratch_epochs: int, c: float | None
) -> list[str]:
    """Notes on the methods behind the numbers."""
    none = NO_SCRATCH if isinstance(network.model, ConvNet) else NO_RECIPE
    scratch = SCRATCH.format(epochs=scratch_epochs) if scratch_epochs else none
    notes = [SOFTMAX.format(layer=layer), classifiers.described(c), scratch, FOLDS_SHARE]
    return [*notes, bank.left_out()] if bank.bad else notes


def _write(
    results: Results,
    network: Network,
    dataset: Dataset,
    protocol: Protocol,
    bank: FeatureBank,
    scores: Scores,
    notes: Sequence[str],
) -> Path:
    """The page, the chart, the table and the numbers of the folds so far."""
    seen_before = network.learned_from(dataset)
    said = verdicts(scores, protocol, seen_before=seen_before)
    results.numbers(**_found(dataset, bank, scores), seen_before=seen_before, verdicts=said)
    results.table("transfer", COLUMNS, _rows(scores, protocol))
    name, learned = Path(dataset.name).name, Path(network.data).name or "other images"
    lead = LEAD.format(layer=next(iter(bank.features)), learned=learned, data=name)
    page = results.page("What the features are worth elsewhere", lead)
    section = page.section("Accuracy by images per class")
    if seen_before:
        section.paragraph(NOTHING_NEW.format(data=name))
    for sentence in said:
        section.paragraph(sentence)
    drawing = results.chart("transfer", _chart(scores, protocol, name))
    section.figure(drawing, HOW, "Accuracy by images per class, ours and the published")
    section.table(HEADER, _shown(scores, protocol))
    for note in notes:
        section.paragraph(note)
    return results.write(page)


def _found(dataset: Dataset, bank: FeatureBank, scores: Scores) -> dict[str, Any]:
    return {
        "images": len(bank.labels),
        "classes": dataset.classes,
        "unreadable": dict(bank.bad),
        "pretrained": scores.pretrained,
        "scratch": scores.scratch,
        "c": scores.cs,
        "gains": {n: vars(found) for n, found in scores.gains().items()},
    }


def _kinds(scores: Scores, protocol: Protocol) -> list[tuple[str, Accuracies, Published]]:
    return [
        ("pretrained", scores.pretrained, protocol.pretrained),
        ("scratch", scores.scratch, protocol.scratch),
    ]


def _rows(scores: Scores, protocol: Protocol) -> Iterator[list[object]]:
    """Rows of transfer.csv (COLUMNS); accuracies in per cent."""
    for kind, found, published in _kinds(scores, protocol):
        for n, values in found.items():
            ours = [round(100 * float(v), 2) for v in (np.mean(values), deviation(values))]
            yield [n, kind, len(values), *ours, *published.get(n, ("", ""))]


def _shown(scores: Scores, protocol: Protocol) -> Iterator[list[str]]:
    """Rows of the page's table."""
    gains = scores.gains()
    for n in scores.per_class:
        ours = [
            percent(found[n]) if n in found else "–"
            for found in (scores.scratch, scores.pretrained)
        ]
        gained = points(gains[n]) if n in gains else "–"
        published = (_plus_minus(known, n) for known in (protocol.scratch, protocol.pretrained))
        yield [str(n), *ours, gained, *published]


def _plus_minus(published: Published, n: int) -> str:
    return "{:.1f} ± {:.1f}".format(*published[n]) if n in published else "–"


def _chart(scores: Scores, protocol: Protocol, name: str) -> Figure:
    """Ours on the left, the paper's on the right."""
    figure, (ours, theirs) = charts.panels(2, width=4.4, height=3.4)
    for axes, title in ((ours, f"Ours, on {name}"), (theirs, f"Published: {protocol.source}")):
        charts.style_axes(axes, title, "images per class", "mean of classes, %")
        axes.set_ylim(0, 100)
    for place, (kind, found, published) in enumerate(_kinds(scores, protocol)):
        measured = {n: (100 * float(np.mean(v)), 100 * deviation(v)) for n, v in found.items()}
        _line(ours, measured, kind, charts.COLOURS[place])
        _line(theirs, published, kind, charts.COLOURS[place])
    charts.legend(theirs, loc="lower right")
    return figure


def _line(axes: Axes, points: Published, label: str, colour: str) -> None:
    if points:
        values, spreads = zip(*points.values(), strict=True)
        axes.errorbar([*points], values, spreads, label=label, color=colour, marker="o",
                      capsize=3, linewidth=2, elinewidth=1.5)  # fmt: skip
        axes.set_xticks([*points])
