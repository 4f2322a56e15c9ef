"""Batches of preprocessed images, and the settings with which a loader makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Crops = Literal["ten", "random", "centre", "all"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Preprocessed images of one step.

    Attributes:
        images: (N, 3, S, S) float32 whose memory is channels-last: a C-contiguous (N, S, S, 3)
            array behind transpose(0, 3, 1, 2). N is ten times as many with crops="all",
            the ten crops of an image one after the other.
        labels: (number of images,) int64, -1 where there is none.
        indices: (number of images,) int64, positions in the data set.
        position: of the batch in the epoch; position + 1 is the start after it.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    position: int = 0


@dataclass(frozen=True)
class Loading:
    """How batches are made.

    Attributes:
        crops: "ten" draws one of the ten crops for every visit of an image, "random" any position
            and flip, "centre" takes the centre, "all" gives all ten (see Batch).
        seed: of the order and the crops.
        shuffle: draw a new order for every epoch; otherwise the data set's order.
        workers: threads that decode and crop; 0 does it in the caller's thread.
        prefetch: batches that are kept ready.
        strict: raise BadImage at an unreadable image. Otherwise it is left out of its batch and
            recorded in `Loader.bad` as title -> reason, and a batch without any readable image is
            left out of the epoch.
        drop_last: leave out a last batch that is not full.
        cache_bytes: prepared uint8 images are cached while they fit into so many bytes, in the
            order of their first use; later epochs do not decode those again.
    """

    crops: Crops = "ten"
    seed: int = 0
    shuffle: bool = True
    workers: int = 2
    prefetch: int = 4
    strict: bool = False
    drop_last: bool = False
    cache_bytes: int = 1 << 30

    @classmethod
    def in_order(
        cls, crops: Crops = "centre", *, workers: int = 2, strict: bool = False
    ) -> Loading:
        """One pass in the data set's order, without a cache."""
        return cls(crops, shuffle=False, workers=workers, strict=strict, cache_bytes=0)
