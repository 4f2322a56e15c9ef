"""Linear classifiers on the features of each layer (paper, section 5.3, Table 7).

A linear SVM on the features of layers 1, 2, 3, 4, 5 and 7, a softmax on those of 5 and 7. Their
accuracy measures how discriminative each layer's features are (section 5.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.chosen_layers import Key
from zfnet.experiments.shared.classifiers import Kind
from zfnet.experiments.shared.estimates import Estimate, sign
from zfnet.experiments.shared.feature_bank import FeatureBank
from zfnet.experiments.shared.folds import Fold, mean_of_classes
from zfnet.experiments.shared.gains import deviation, gain, points, sorted_by_sign
from zfnet.experiments.shared.results import Report, silent

SOFTMAX_ON = (5, 7)

PUBLISHED: Mapping[tuple[Kind, Key], tuple[float, float]] = {
    ("svm", 1): (44.8, 24.6), ("svm", 2): (66.2, 39.6), ("svm", 3): (72.3, 46.0),
    ("svm", 4): (76.6, 51.3), ("svm", 5): (86.2, 65.6), ("svm", 7): (85.5, 71.7),
    ("softmax", 5): (82.9, 65.7), ("softmax", 7): (85.4, 72.6),
}  # fmt: skip
"""Table 7: accuracy in per cent on Caltech-101 with 30 images per class, Caltech-256 with 60."""


@dataclass
class Score:
    """One classifier on one layer: accuracy (the mean of the classes, 0 to 1) and C, by fold.

    number: the paper's, or the layer's own name where it has none.
    """

    kind: Kind
    number: Key
    layer: str
    accuracies: list[float] = field(default_factory=list)
    cs: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        return deviation(self.accuracies)


def score_layers(
    bank: FeatureBank,
    folds: Sequence[Fold],
    layers: Mapping[Key, str],
    *,
    c: float | None = None,
    seed: int = 0,
    report: Report = silent,
) -> Iterator[list[Score]]:
    """Yields all scores after every fold: the SVM's layer by layer, then the softmax's.

    layers: the paper's numbers or the layers' names, rising, and the names of their outputs. The
    softmax is on the paper's layers 5 and 7; without numbers, on the last two. c: see
    `classifiers.fit`.
    """
    numbered = any(isinstance(key, int) for key in layers)
    on = SOFTMAX_ON if numbered else tuple(layers)[-2:]
    scores = [Score("svm", number, layer) for number, layer in layers.items()]
    scores += [Score("softmax", n, layer) for n, layer in layers.items() if n in on]
    for done, fold in enumerate(folds):
        for position, score in enumerate(scores, start=1):
            _add(score, bank, fold, c, seed)
            report("classifiers", done * len(scores) + position, len(folds) * len(scores))
        yield scores


def _add(score: Score, bank: FeatureBank, fold: Fold, c: float | None, seed: int) -> None:
    x, labels = bank.features[score.layer], bank.labels
    fitted = classifiers.fit(score.kind, x[fold.train], labels[fold.train], c=c, seed=seed)
    predicted = fitted.predict(x[fold.test])
    score.accuracies.append(mean_of_classes(predicted, labels[fold.test]))
    score.cs.append(fitted.c)


@dataclass(frozen=True)
class Step:
    """The SVM's gain in accuracy from one layer to a deeper one, paired by fold, -1 to 1."""

    lower: Key
    upper: Key
    gain: Estimate


def step(lower: Score, upper: Score) -> Step:
    """From one layer to a deeper one, fold by fold."""
    return Step(lower.number, upper.number, gain(lower.accuracies, upper.accuracies))


def steps(scores: Sequence[Score]) -> list[Step]:
    """From each layer to the next, by the SVM."""
    return [step(a, b) for a, b in pairwise(_svm(scores))]


def _svm(scores: Sequence[Score]) -> list[Score]:
    return [score for score in scores if score.kind == "svm"]


def verdict(scores: Sequence[Score]) -> str:
    """Sentences on the trend that deeper layers separate the classes better, with exceptions."""
    svm = _svm(scores)
    gains = {f"from layer {_named(s.lower)} to {_named(s.upper)}": s.gain for s in steps(scores)}
    between = sorted_by_sign(gains, "Accuracy rises", "It falls", "No difference can be told")
    return f"{_opening(step(svm[0], svm[-1]))} {between}"


def _opening(whole: Step) -> str:
    lower, upper = _named(whole.lower), _named(whole.upper)
    gained = f"from layer {lower} to layer {upper}, {points(whole.gain)}"
    if sign(whole.gain) > 0:
        return f"The paper's trend holds: deeper layers separate the classes better, {gained}."
    if sign(whole.gain) < 0:
        return f"The paper's trend does not hold: deeper layers separate worse, {gained}."
    return f"Whether deeper layers separate the classes better cannot be told: {gained}."


def _named(key: Key) -> str:
    return str(key) if isinstance(key, int) else f"`{key}`"
