"""Protocols of the paper's transfer data sets, with the published accuracies (section 5.2).

Caltech-101 and Caltech-256 are folders of classes; the protocol "folders" takes any other such
folder, or `scenes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zfnet.data import Dataset, Subset, open_dataset, require_classes
from zfnet.experiments.shared.folds import labels_of

Published = Mapping[int, tuple[float, float]]
"""By images per class: the mean accuracy in per cent and its standard deviation."""


@dataclass(frozen=True)
class Protocol:
    """The use of a data set.

    title:      the name of the data set on a page.
    per_class:  images per class to learn from.
    left_out:   folders that are not classes; they may be missing.
    table:      the paper's table; empty if there is none: the numbers are then Caltech-256's.
    """

    name: str
    title: str
    per_class: tuple[int, ...]
    left_out: tuple[str, ...]
    table: str
    pretrained: Published
    scratch: Published

    @property
    def source(self) -> str:
        """Where the published numbers are from: "Caltech-101, Table 4"."""
        return f"{self.title}, {self.table}" if self.table else "Caltech-256, Table 5"


_TABLE_5: Published = {15: (65.7, 0.2), 30: (70.6, 0.2), 45: (72.7, 0.4), 60: (74.2, 0.3)}
_TABLE_5_SCRATCH: Published = {15: (9.0, 1.4), 30: (22.5, 0.7), 45: (31.2, 0.5), 60: (38.8, 1.4)}

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("folders", "a folder of classes", (15, 30), (), "", _TABLE_5, _TABLE_5_SCRATCH),
        Protocol(
            "caltech101", "Caltech-101", (15, 30), ("BACKGROUND_Google",), "Table 4",
            {15: (83.8, 0.5), 30: (86.5, 0.5)}, {15: (22.8, 1.5), 30: (46.5, 1.7)},
        ),
        Protocol(
            "caltech256", "Caltech-256", (15, 30, 45, 60), ("257.clutter",), "Table 5",
            _TABLE_5, _TABLE_5_SCRATCH,
        ),
    )
}  # fmt: skip


def open_whole(
    data: str,
    protocol: Protocol,
    *,
    split: str = "val",
    seed: int = 0,
    follow_links: bool = False,
) -> Dataset:
    """The labelled images for the folds, without the folders that are not classes.

    split: of a data set that comes in parts (scenes, Tiny ImageNet, DIR/train and DIR/val); a
    folder that does not comes whole.
    follow_links: also symbolic links that lead out of the folder.
    Raises ValueError for a folder that does not exist, or with fewer than two classes.
    """
    reading: dict[str, Any] = {"seed": seed, "val_fraction": 0, "follow_links": follow_links}
    dataset = open_dataset(data, split, **reading)
    if len(dataset) == 0:  # a folder without a val part is all train
        dataset = open_dataset(data, "train", **reading)
    require_classes(dataset)
    classes = [name for name in dataset.classes if name not in protocol.left_out]
    if len(classes) == len(dataset.classes):
        return dataset
    of_class = np.isin(labels_of(dataset), [dataset.classes.index(name) for name in classes])
    kept = Subset(dataset, np.flatnonzero(of_class), classes)
    require_classes(kept)
    return kept
