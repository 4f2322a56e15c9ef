"""Page of `zfnet layers`: accuracies by layer beside the published ones (Table 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.data import Dataset
from zfnet.experiments.layers import measure as layers
from zfnet.experiments.layers.measure import PUBLISHED, Score
from zfnet.experiments.shared import chosen_layers, classifiers
from zfnet.experiments.shared.chosen_layers import Key
from zfnet.experiments.shared.feature_bank import MEMORY, FeatureBank, read_features
from zfnet.experiments.shared.folds import check_counts, draw_fold, labels_of
from zfnet.experiments.shared.gains import percent
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.report import charts

LEAD = (
    "How well a linear classifier tells the classes of {data} apart when it sees one layer's "
    "features alone (Table 7)."
)
HOW = (
    "{folds} of {total} folds: in each, {per_class} images of every class to learn from and at "
    "most 50 others to test on; the mean of the classes' accuracies, in per cent, with the "
    "standard deviation over the folds."
)
FOLDS_SHARE = (
    "Intervals are Student's t over folds, paired. The folds draw from the same images, so that "
    "intervals hold for draws from this data set; for new images they would be wider."
)
SEEN_BEFORE = "The network was itself trained on {data}: its deep layers know these classes."
NAMED = (
    "The network does not number its layers as the paper does. These are the last layers of each "
    "resolution on every path from the image to the scores, and the input of the scores; others "
    "with `--layers` and their names."
)
NAMES = {"svm": "SVM", "softmax": "softmax"}
HEADER = (
    "classifier", "layer", "features", "ours, %", "Caltech-101 (30), published",
    "Caltech-256 (60), published",
)  # fmt: skip
COLUMNS = (
    "classifier", "layer", "output", "features", "mean", "standard_deviation",
    "published_caltech101_30", "published_caltech256_60",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What is classified, and how.

    per_class: images per class to learn from; folds: draws of them.
    layers:    the paper's numbers or names of layers, two or more; empty: a choice for the
               network (`chosen_layers.chosen`).
    c, memory: see `classifiers.fit` and `feature_bank.read_features`.
    """

    per_class: int = 30
    folds: int = 5
    layers: tuple[Key, ...] = ()
    c: float | None = None
    memory: int = MEMORY
    seed: int = 0


USUAL = Setting()


def write_layers(
    network: Network,
    dataset: Dataset,
    results: Results,
    setting: Setting = USUAL,
    report: Report = silent,
) -> Path:
    """Table 7 for a network and a data set; all files are written after each fold.

    Returns the page's path. ValueError for layers that do not exist, classes with too few images
    (before anything is computed), or features that do not fit into the memory.
    """
    per_class, folds, seed = setting.per_class, setting.folds, setting.seed
    chosen = chosen_layers.chosen(network.model, setting.layers)
    check_counts(labels_of(dataset), dataset.classes, [per_class], folds)
    bank = read_features(network, dataset, [*chosen.values()], memory=setting.memory, report=report)
    check_counts(bank.labels, dataset.classes, [per_class], folds)  # of those that can be read
    drawn = [draw_fold(bank.labels, dataset.classes, per_class, k, seed) for k in range(folds)]
    found = layers.score_layers(bank, drawn, chosen, c=setting.c, seed=seed, report=report)
    facts = {
        "per_class": per_class,
        "total": folds,
        "seen": network.learned_from(dataset),
        "usual": not setting.layers,
    }
    for scores in found:
        page = _write(results, bank, scores, dataset, setting.c, facts)
    return page


def _write(
    results: Results,
    bank: FeatureBank,
    scores: Sequence[Score],
    dataset: Dataset,
    c: float | None,
    facts: dict[str, Any],
) -> Path:
    """The page, the chart, the table and the numbers of the folds so far."""
    name, said = Path(dataset.name).name, layers.verdict(scores)
    results.numbers(**_found(bank, scores), verdict=said)
    results.table("layers", COLUMNS, _rows(bank, scores))
    page = results.page("What each layer's features are worth", LEAD.format(data=name))
    how = HOW.format(folds=len(scores[0].accuracies), **facts)
    section = page.section("Linear classifiers on the features of each layer", said)
    drawing = results.chart("layers", _chart(scores, name))
    section.figure(drawing, how, "Accuracy by layer, ours and the published")
    section.table(HEADER, _shown(bank, scores)).paragraph(FOLDS_SHARE)
    if facts["seen"]:
        section.paragraph(SEEN_BEFORE.format(data=name))
    if bank.bad:
        section.paragraph(bank.left_out())
    if facts["usual"] and not any(isinstance(score.number, int) for score in scores):
        section.paragraph(NAMED)
    section.paragraph(classifiers.described(c)).paragraph(_reduced(bank))
    return results.write(page)


def _found(bank: FeatureBank, scores: Sequence[Score]) -> dict[str, Any]:
    rows = [{**asdict(s), "mean": s.mean, "deviation": s.deviation} for s in scores]
    return {
        "images": len(bank.labels),
        "unreadable": dict(bank.bad),
        "features": {layer: bank.described(layer) for layer in bank.features},
        "scores": rows,
        "steps": [asdict(step) for step in layers.steps(scores)],
    }


def _rows(bank: FeatureBank, scores: Sequence[Score]) -> Iterator[list[object]]:
    """Rows of layers.csv (COLUMNS); accuracies in per cent."""
    for score in scores:
        published = PUBLISHED.get((score.kind, score.number), ("", ""))
        values = bank.features[score.layer].shape[1]
        found = [round(100 * value, 2) for value in (score.mean, score.deviation)]
        yield [score.kind, score.number, score.layer, values, *found, *published]


def _shown(bank: FeatureBank, scores: Sequence[Score]) -> Iterator[list[str]]:
    """Rows of the page's table."""
    for score in scores:
        published = PUBLISHED.get((score.kind, score.number), ("–", "–"))
        ours = percent(score.accuracies)
        yield [
            NAMES[score.kind], str(score.number), bank.described(score.layer), ours,
            *map(str, published),
        ]  # fmt: skip


def _reduced(bank: FeatureBank) -> str:
    """A sentence about the layers that were averaged to fit the memory."""
    smaller = [name for name in bank.shapes if bank.is_averaged(name)]
    size = sum(features.nbytes for features in bank.features.values()) / 1e6
    if not smaller:
        return f"All features of every layer were used, {size:.0f} MB."
    listed = "; ".join(f"`{name}`: {bank.described(name)}" for name in smaller)
    return (
        f"The features take {size:.0f} MB. To fit the memory that was allowed, planes were "
        f"averaged over cells ({listed}). More with `--memory`."
    )


def _chart(scores: Sequence[Score], name: str) -> Figure:
    figure, (axes,) = charts.panels(width=7.2, height=3.6)
    charts.style_axes(axes, "Accuracy by layer", "layer", "mean of classes, %")
    svm = [score for score in scores if score.kind == "svm"]
    places = {score.number: place for place, score in enumerate(svm)}
    _draw_published(axes, places)
    for kind, label, colour, marker in (
        ("svm", f"SVM, {name}", charts.COLOURS[0], "o"),
        ("softmax", f"softmax, {name}", charts.COLOURS[1], "s"),
    ):
        own = [score for score in scores if score.kind == kind]
        axes.errorbar(
            [places[s.number] for s in own], [100 * s.mean for s in own],
            [100 * s.deviation for s in own], label=label, color=colour, marker=marker, capsize=3,
            linewidth=2 if kind == "svm" else 0, elinewidth=1.5,
        )  # fmt: skip
    named = any(isinstance(number, str) for number in places)
    axes.set_xticks(list(places.values()), [str(number) for number in places])
    if named:
        axes.tick_params("x", rotation=30)
    axes.set_ylim(0, 100)
    charts.legend(axes, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _draw_published(axes: Axes, places: dict[Key, int]) -> None:
    """The SVM's published accuracies, as thin lines behind ours."""
    known = [number for number in places if ("svm", number) in PUBLISHED]
    if not known:
        return
    for column, label, line in ((0, "SVM, Caltech-101", "--"), (1, "SVM, Caltech-256", ":")):
        values = [PUBLISHED["svm", number][column] for number in known]
        axes.plot([places[n] for n in known], values, line, color=charts.COLOURS[6],
                  label=f"{label}, published")  # fmt: skip
