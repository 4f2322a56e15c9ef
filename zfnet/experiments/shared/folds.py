"""Folds of labelled images, drawn as in section 5.2 of the paper.

A fold is an independent draw: N training images of each class, and up to 50 of the others as test
images. Each class is shuffled once for a fold. Training images come from the front, test images
from the end, so that the 30 of a class include the 15 of the same fold and, in classes that are
large enough, have the same test images.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.data import Dataset

MOST_TESTS = 50
"""The largest number of test images for each class (section 5.2)."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Positions (n,) int64 of the training and the test images, ordered by class."""

    train: np.ndarray
    test: np.ndarray


def check_counts(
    labels: np.ndarray, classes: Sequence[str], per_class: Sequence[int], folds: int
) -> None:
    """ValueError unless each class has a test image besides the largest of `per_class`.

    A class also needs as many images as there are folds, so that the draws can differ.
    """
    if folds < 1 or not per_class or min(per_class) < 1:
        raise ValueError(f"{folds} folds of {list(per_class)} images per class: at least 1 of each")
    needed = max(max(per_class) + 1, folds)
    counts = np.bincount(labels, minlength=len(classes))
    few = [f"{classes[i]} has {counts[i]}" for i in np.flatnonzero(counts < needed).tolist()]
    if few:
        more = f" and {len(few) - 5} more classes have too few" if len(few) > 5 else ""
        raise ValueError(
            f"{folds} folds of {max(per_class)} images per class, and at least one to test on, "
            f"need {needed} images of each class: {', '.join(few[:5])}{more}; ask for fewer images "
            "per class, or leave these classes out"
        )


def draw_fold(
    labels: np.ndarray, classes: Sequence[str], per_class: int, number: int, seed: int
) -> Fold:
    """Fold `number` with `per_class` images of each class, labels (n,) int64.

    The fold of a class depends on the seed alone, not on the other classes.
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
