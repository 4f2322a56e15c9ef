"""Average precision of one classifier for each class, on images with several classes (Table 6).

Each class has its own logistic regression on layer 7, one against all others. It is trained on the
split train and ranks the images of val; the paper's test labels are not public. For each class,
images with difficult objects of it only are left out of training and test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.data.voc import Voc
from zfnet.experiments.shared import classifiers
from zfnet.experiments.shared.feature_bank import FeatureBank
from zfnet.experiments.shared.results import Report, silent

PUBLISHED = 79.0
"""Table 6: the mean of 20 classes on VOC 2012's test set, in per cent."""


def average_precision(scores: np.ndarray, present: np.ndarray) -> float:
    """The area under the interpolated precision-recall curve, VOC's definition since 2010.

    scores (n,) rank the images, the highest first; ties keep their order. present (n,) bool.
    The precision at a recall is the highest at this recall or a larger one (VOC 2012 development
    kit, section 3.4.1). ValueError where the class is in no image.
    """
    if not present.any():
        raise ValueError(f"average precision: none of {len(present)} images has the class")
    hits = present[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    # The maximum from the end on: it never rises with recall
    interpolated = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall rises by one step at every hit
    return float(interpolated[hits].mean())


@dataclass(frozen=True)
class ClassPrecision:
    """One class: average precision, the share of test images that have the class (the expectation
    of a random order), their number, and the classifier's C."""

    name: str
    precision: float
    share: float
    positives: int
    c: float


def check_presence(train: Voc, test: Voc) -> None:
    """ValueError unless every class is in some images of both splits, and missing from some."""
    for split, dataset in (("train", train), ("val", test)):
        for column, name in enumerate(dataset.classes):
            there, absent = (int((dataset.presence[:, column] == s).sum()) for s in (1, -1))
            if min(there, absent) < (2 if split == "train" else 1):
                raise ValueError(
                    f"{name} is in {there} images of {split} and missing from {absent}: at least "
                    "2 of each are needed to learn from, 1 to test on"
                )


def score_classes(
    banks: tuple[FeatureBank, FeatureBank],
    splits: tuple[Voc, Voc],
    layer: str,
    *,
    c: float | None = None,
    seed: int = 0,
    report: Report = silent,
) -> Iterator[list[ClassPrecision]]:
    """Yields all results after every class, in the order of the classes.

    banks, splits: of train, for training, and of val, for the test. c: see `classifiers.fit`.
    """
    classes, found = splits[0].classes, list[ClassPrecision]()
    x, x_test = (bank.features[layer] for bank in banks)
    presence, present_test = (
        voc.presence[bank.indices] for voc, bank in zip(splits, banks, strict=True)
    )
    for column, name in enumerate(classes):
        clear, clear_test = presence[:, column] != 0, present_test[:, column] != 0
        learned = classifiers.fit(
            "softmax",
            x[clear],
            presence[clear, column],
            c=c,
            seed=seed,
            scoring="average_precision",
        )
        present = present_test[clear_test, column] == 1
        precision = average_precision(learned.scores(x_test[clear_test]), present)
        found.append(
            ClassPrecision(name, precision, float(present.mean()), int(present.sum()), learned.c)
        )
        report("one classifier per class", column + 1, len(classes))
        yield found


def verdict(found: Sequence[ClassPrecision]) -> str:
    """A sentence that compares the classes' precision with that of a random order."""
    above = [entry for entry in found if entry.precision > entry.share]
    mean = 100 * float(np.mean([entry.precision for entry in found]))
    chance = 100 * float(np.mean([entry.share for entry in found]))
    below = [entry.name for entry in found if entry.precision <= entry.share]
    rest = f"; not so: {', '.join(below)}" if below else ""
    return (
        f"The mean average precision is {mean:.1f} % (published: {PUBLISHED} % on VOC 2012's test "
        f"images); a random order would have about {chance:.1f} %. {len(above)} of {len(found)} "
        f"classes lie above theirs{rest}."
    )
