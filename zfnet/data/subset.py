"""Subsets of a data set's images, as data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zfnet.data.dataset import Dataset, Truth


class Subset:
    """The images at some positions, in the order given.

    classes: the names of the kept classes; labels are renumbered. None: all classes.
    """

    def __init__(
        self,
        dataset: Dataset,
        indices: Sequence[int] | np.ndarray,
        classes: Sequence[str] | None = None,
    ) -> None:
        self.name = dataset.name
        self.classes = tuple(dataset.classes if classes is None else classes)
        self._dataset, self.indices = dataset, np.asarray(indices, np.int64).tolist()
        self._labels = {dataset.classes.index(name): i for i, name in enumerate(self.classes)}
        self._labels[-1] = -1

    def __len__(self) -> int:
        return len(self.indices)

    def image(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8. Raises BadImage."""
        return self._dataset.image(self.indices[index])

    def label(self, index: int) -> int:
        """The index into `classes`, or -1 where there is no label."""
        return self._labels[self._dataset.label(self.indices[index])]

    def title(self, index: int) -> str:
        """The title in the whole data set."""
        return self._dataset.title(self.indices[index])

    def file(self, index: int) -> Path | None:
        """The image's file; None where the whole data set has no files."""
        file = getattr(self._dataset, "file", None)
        return file(self.indices[index]) if file else None

    def truth(self, index: int) -> Truth | None:
        """The annotations in the whole data set."""
        return self._dataset.truth(self.indices[index])


def evenly(count: int, total: int) -> list[int]:
    """`count` of the positions 0 to total - 1, evenly spread, since files are sorted by class."""
    return [i * total // count for i in range(count)] if count < total else list(range(total))


def spread(dataset: Dataset, count: int) -> Dataset:
    """`count` of the images, evenly spread; all where there are no more.

    ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"{count} of {len(dataset)} images: at least one is needed")
    if count >= len(dataset):
        return dataset
    return Subset(dataset, evenly(count, len(dataset)))
