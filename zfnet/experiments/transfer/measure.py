"""Transfer of features to another data set, against training from scratch (Tables 4, 5, Fig 9).

Layers 1 to 7 are fixed, and a new softmax is fitted to the output of layer 7 by scikit-learn; of a
network without such numbers, all layers below the scores. With fixed layers below, the problem is
convex, and its solver reaches the optimum that our own engine would approach. From scratch, the
same architecture is trained on the same images from random weights. Both use the network's own
preprocessing, with its mean; both are tested on centre crops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from zfnet.data import Dataset, Preprocess, Subset
from zfnet.evaluate import predict
from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.estimates import Estimate
from zfnet.experiments.shared.feature_bank import FeatureBank
from zfnet.experiments.shared.folds import Fold, draw_fold, mean_of_classes
from zfnet.experiments.shared.gains import gain
from zfnet.experiments.shared.results import Report, silent
from zfnet.experiments.shared.runs import Plan, trained
from zfnet.network import Network, require_conv_net
from zfnet.parallel.team import shared
from zfnet.recipe import Recipe

SCRATCH_EPOCHS = 60
BATCH_SIZE = 32

Accuracies = dict[int, list[float]]
"""By images per class: the mean of the classes' accuracies, 0 to 1, one per fold."""


@dataclass
class Scores:
    """The accuracies so far; `scratch` may have fewer, or none. cs: C by images per class."""

    per_class: tuple[int, ...]
    pretrained: Accuracies = field(default_factory=dict)
    scratch: Accuracies = field(default_factory=dict)
    cs: Accuracies = field(default_factory=dict)

    def gains(self) -> dict[int, Estimate]:
        """By images per class, pretrained minus scratch, paired by fold."""
        return {n: gain(self.scratch[n], self.pretrained[n]) for n in self.scratch}


@dataclass(frozen=True, eq=False)
class Folds:
    """The folds of a data set: by_size[n][k] has n training images of each class."""

    dataset: Dataset
    bank: FeatureBank
    by_size: Mapping[int, Sequence[Fold]]

    @classmethod
    def drawn(
        cls, dataset: Dataset, bank: FeatureBank, per_class: Sequence[int], count: int, seed: int
    ) -> Folds:
        """`count` folds of the images in the bank for each number of images per class."""
        found = {
            n: [draw_fold(bank.labels, dataset.classes, n, k, seed) for k in range(count)]
            for n in per_class
        }
        return cls(dataset, bank, found)

    def __iter__(self) -> Iterator[tuple[int, int, Fold]]:
        """(images per class, number of the fold, fold), all of a fold before the next."""
        for k in range(len(next(iter(self.by_size.values())))):
            for n, folds in self.by_size.items():
                yield n, k, folds[k]


def score_pretrained(
    folds: Folds, layer: str, scores: Scores, *, c: float | None, seed: int, report: Report = silent
) -> Iterator[Scores]:
    """A softmax on the features of `layer`; yields the scores after every fold."""
    x, labels = folds.bank.features[layer], folds.bank.labels
    entries = list(folds)
    for done, (n, _, fold) in enumerate(entries, start=1):
        learned = classifiers.fit("softmax", x[fold.train], labels[fold.train], c=c, seed=seed)
        accuracy = mean_of_classes(learned.predict(x[fold.test]), labels[fold.test])
        scores.pretrained.setdefault(n, []).append(accuracy)
        scores.cs.setdefault(n, []).append(learned.c)
        report("new softmax", done, len(entries))
        if n == scores.per_class[-1]:
            yield scores


def score_scratch(
    network: Network,
    folds: Folds,
    scores: Scores,
    out: Path,
    *,
    epochs: int,
    seed: int,
    report: Report = silent,
) -> Iterator[Scores]:
    """The architecture of `network` from random weights; yields the scores after every fold.

    Each training is a run in out/runs and is resumed if it was interrupted; raises as
    `runs.trained` does.
    """
    entries = list(folds)
    trainings = tuple(
        _training(
            folds, fold, scratch_plan(network, len(folds.dataset.classes), n, k, epochs, seed)
        )
        for n, k, fold in entries
    )
    setting = network.preprocess, folds.dataset.name, network.model.device
    work = _FromScratch(trainings, out, *setting)
    with closing(shared(work, len(entries), report)) as accuracies:
        for (n, _, _), accuracy in zip(entries, accuracies, strict=True):
            scores.scratch.setdefault(n, []).append(accuracy)
            if n == scores.per_class[-1]:
                yield scores


def scratch_plan(
    network: Network, classes: int, per_class: int, fold: int, epochs: int, seed: int
) -> Plan:
    """The plan of a training from scratch: the paper's recipe (section 3), adapted to few images.

    Smaller batches, random crops and weight decay; a cosine schedule in place of plateaus, which
    would need held-out images.
    """
    settings = replace(
        require_conv_net(network, "training from scratch").settings,
        num_classes=classes,
        seed=seed + fold,
    )
    recipe = Recipe(
        epochs=epochs, batch_size=BATCH_SIZE, weight_decay=5e-4, schedule="cosine", crops="random",
        seed=seed + fold,
    )  # fmt: skip
    return Plan(f"scratch-{per_class}-fold-{fold + 1}", settings, recipe)


def _part(report: Report, before: int, own: int, whole: int) -> Report:
    """Progress of one training as a part of all, in images."""
    title = "training from scratch"
    return lambda _, done, total: report(title, before + own * done // total, whole)


@dataclass(frozen=True, eq=False)
class _Training:
    """A training from scratch: its plan, and the images that it learns, validates and tests on."""

    plan: Plan
    train: Dataset
    val: Dataset
    test: Dataset


def _training(folds: Folds, fold: Fold, plan: Plan) -> _Training:
    dataset, positions = folds.dataset, folds.bank.indices
    train, test = (Subset(dataset, positions[part]) for part in (fold.train, fold.test))
    # The run's validation curve decides nothing, so it uses one image of each class, the first.
    firsts = np.unique(folds.bank.labels[fold.test], return_index=True)[1]
    return _Training(plan, train, Subset(dataset, positions[fold.test[firsts]]), test)


@dataclass(frozen=True, eq=False)
class _FromScratch:
    """Accuracies of trainings, to be shared among processes."""

    trainings: tuple[_Training, ...]
    out: Path
    preprocess: Preprocess
    data: str
    device: str

    def __call__(self, items: range, report: Report) -> Iterator[float]:
        images = [each.plan.recipe.epochs * len(each.train) for each in self.trainings]
        for item in items:
            part = _part(report, sum(images[:item]), images[item], sum(images))
            yield self._accuracy(self.trainings[item], part)

    def _accuracy(self, one: _Training, report: Report) -> float:
        run = trained(
            one.plan, one.train, one.val, self.preprocess, self.out, data=self.data,
            device=self.device, report=report,
        )  # fmt: skip
        probabilities, labels = predict([run.network], one.test)
        return mean_of_classes(probabilities.argmax(axis=1), labels)
