"""Folds of labelled images, drawn as in section 5.2 of the paper.

A fold is a draw of its own: of each class N images to learn from and up to 50 of the others to
test on. Each class is shuffled once a fold. The images to learn from come first, those to test on
last: 30 of a class hold the 15 of the same fold, and are tested on the same images where a class
has enough of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.data import Dataset

MOST_TESTS = 50
"""Images a class that are tested on at most (section 5.2)."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Positions (n,) int64 of the images to learn from and of those to test on, by class."""

    train: np.ndarray
    test: np.ndarray


def check_counts(
    labels: np.ndarray, classes: Sequence[str], per_class: Sequence[int], folds: int
) -> None:
    """ValueError unless each class has an image to test on besides the largest of `per_class`.

    A class needs as many images as folds too, for fewer have no draw of their own for each.
    """
    if folds < 1 or not per_class or min(per_class) < 1:
        raise ValueError(f"{folds} folds of {list(per_class)} images a class: at least 1 of each")
    needed = max(max(per_class) + 1, folds)
    counts = np.bincount(labels, minlength=len(classes))
    few = [f"{classes[i]} has {counts[i]}" for i in np.flatnonzero(counts < needed).tolist()]
    if few:
        more = f" and {len(few) - 5} more classes have too few" if len(few) > 5 else ""
        raise ValueError(
            f"{folds} folds of {max(per_class)} images a class, and at least one to test on, need "
            f"{needed} images of each class: {', '.join(few[:5])}{more}; ask for fewer images a "
            "class, or leave these classes out"
        )


def draw_fold(
    labels: np.ndarray, classes: Sequence[str], per_class: int, number: int, seed: int
) -> Fold:
    """Fold `number` with `per_class` images of each class, labels (n,) int64.

    The same seed draws the same fold, whatever other classes there are.
    """
    train, test = [], []
    for label, name in enumerate(classes):
        rng = np.random.default_rng([seed, number, zlib.crc32(name.encode())])
        images = rng.permutation(np.flatnonzero(labels == label))
        train.append(images[:per_class])
        test.append(images[per_class:][-MOST_TESTS:])
    return Fold(np.concatenate(train), np.concatenate(test))


def mean_of_classes(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The mean of the accuracies of each class (section 5.2), from 0 to 1; both (n,) int64."""
    right = predicted == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def labels_of(dataset: Dataset) -> np.ndarray:
    """Every image's label, (n,) int64."""
    return np.array([dataset.label(i) for i in range(len(dataset))], np.int64)
