"""Batches for training and testing, prefetched by threads and the same in every run.

The order of an epoch is drawn from (seed, epoch), the crop of an image from (seed, epoch, image).
Neither the timing of threads nor the position at which an epoch is resumed changes a batch, so that
a resumed run gets the batches of an uninterrupted one.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import get_args

import numpy as np

from zfnet.data.batches import Batch, Crops, Loading
from zfnet.data.dataset import Dataset, prefetched
from zfnet.data.images import BadImage
from zfnet.data.preprocess import CROPS, Preprocess, square_of

# First words of the keys of the two kinds of draws. A key is padded with zeros, so that without a
# first word (seed, epoch) would equal (seed, epoch, image 0).
ORDER, CROP = 1, 2


TRAINING = Loading()


class Loader:
    """Batches of `batch_size` images from a data set.

    The last batch may be smaller, as may one with unreadable images; `bad` has their titles and
    reasons.

    Raises:
        ValueError: no images, no full batch, or an argument out of range.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        batch_size: int,
        how: Loading = TRAINING,
    ) -> None:
        if how.crops not in get_args(Crops):
            raise ValueError(f"crops = {how.crops!r} is unknown: choose of {get_args(Crops)}")
        if batch_size < 1 or how.seed < 0 or how.workers < 0 or how.prefetch < 0:
            raise ValueError(
                f"batch_size = {batch_size} must be at least 1; seed = {how.seed}, "
                f"workers = {how.workers} and prefetch = {how.prefetch} at least 0"
            )
        self.dataset, self.preprocess = dataset, preprocess
        self.batch_size, self.how = batch_size, how
        self.bad: dict[str, str] = {}
        self._cache = _Cache(how.cache_bytes)
        if len(self) == 0:
            raise ValueError(
                f"{dataset.name} has {len(dataset)} images in this split: "
                f"no batch of {batch_size} can be filled"
            )

    def __len__(self) -> int:
        """Batches per epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.how.drop_last)

    def epoch(self, number: int, start: int = 0, every: int = 1) -> Generator[Batch, None, None]:
        """Yield the batches of epoch `number`, from the batch at position `start` on, or one of
        `every` so many.

        Closing the iterator stops each thread after its current image.

        Raises:
            ValueError: start beyond the epoch; or the whole epoch is over and no image was
                readable.
            BadImage: an unreadable image, if strict.
        """
        if number < 0 or not 0 <= start <= len(self):
            raise ValueError(f"epoch {number}, start {start}: an epoch has {len(self)} batches")
        return self._walk(number, start, every)

    def _walk(self, number: int, start: int, every: int) -> Generator[Batch, None, None]:
        order = self._order(number)
        stop = threading.Event()
        empty = True

        def make(position: int) -> Batch:
            first = position * self.batch_size
            return self._batch(order[first : first + self.batch_size], number, position, stop)

        positions = range(start, len(self), every)
        with closing(
            prefetched(make, positions, workers=self.how.workers, depth=self.how.prefetch)
        ) as batches:
            try:
                for batch in batches:
                    if len(batch.labels) > 0:
                        empty = False
                        yield batch
            finally:
                stop.set()
        if empty and start == 0 and every == 1:
            self.refuse_all_bad()

    def _order(self, number: int) -> np.ndarray:
        count = len(self.dataset)
        if not self.how.shuffle:
            return np.arange(count)
        return np.random.default_rng([ORDER, self.how.seed, number]).permutation(count)

    def _batch(
        self, indices: np.ndarray, number: int, position: int, stop: threading.Event
    ) -> Batch:
        size = self.preprocess.image_size
        rows = CROPS if self.how.crops == "all" else 1
        images = np.empty((len(indices), rows, size, size, 3), np.float32)
        used: list[int] = []
        for index in indices.tolist():
            if stop.is_set():
                break
            prepared = self._prepared(index)
            if prepared is not None:
                images[len(used)] = self._crop(prepared, number, index)
                used.append(index)
        # (n,rows,S,S,3) -> (n*rows,S,S,3) -> (N,3,S,S)
        flat = images[: len(used)].reshape(-1, size, size, 3)
        labels = np.array([self.dataset.label(index) for index in used], np.int64)
        return Batch(flat.transpose(0, 3, 1, 2), labels, np.array(used, np.int64), position)

    def _crop(self, prepared: np.ndarray, number: int, index: int) -> np.ndarray:
        if self.how.crops == "all":
            return self.preprocess.ten_crops(prepared)
        if self.how.crops == "centre":
            return self.preprocess.centre(prepared)
        rng = np.random.default_rng([CROP, self.how.seed, number, index])
        if self.how.crops == "random":
            return self.preprocess.random_crop(prepared, rng)
        return self.preprocess.crop(prepared, int(rng.integers(CROPS)))

    def _prepared(self, index: int) -> np.ndarray | None:
        """The prepared image, or None (and a record) if it cannot be read."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        try:
            prepared = square_of(self.dataset, index, self.preprocess.prepare)
        except BadImage as error:
            if self.how.strict:
                raise
            self.bad[self.dataset.title(index)] = error.reason
            return None
        self._cache.keep(index, prepared)
        return prepared

    def refuse_all_bad(self) -> None:
        """ValueError of an epoch without a readable image."""
        title, reason = next(iter(self.bad.items()))
        raise ValueError(
            f"none of the {len(self.bad)} images of {self.dataset.name} can be read; "
            f"the first: {title}: {reason}"
        )


class _Cache:
    """Arrays by index, up to `limit` bytes; later ones are not cached."""

    # Nothing is evicted: every image is visited once in an epoch, so all are worth the same.

    def __init__(self, limit: int) -> None:
        self._arrays: dict[int, np.ndarray] = {}
        self._free = limit
        self._lock = threading.Lock()

    def get(self, index: int) -> np.ndarray | None:
        return self._arrays.get(index)

    def keep(self, index: int, array: np.ndarray) -> None:
        with self._lock:
            if index not in self._arrays and array.nbytes <= self._free:
                self._arrays[index] = array
                self._free -= array.nbytes


def ten_crop_batches(
    dataset: Dataset,
    preprocess: Preprocess,
    batch_size: int,
    *,
    workers: int = 2,
    strict: bool = False,
    bad: dict[str, str] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Every image once, in order, with all its ten crops: for the paper's test-time average.

    Yields images (n * 10, 3, S, S) float32, channels-last in memory, the crops of an image one
    after the other; labels (n,) int64; indices (n,) int64. `batch_size` counts images, not crops.
    Unreadable images are left out; `bad` takes their title -> reason. Raises as Loader does.
    """
    how = Loading.in_order("all", workers=workers, strict=strict)
    loader = Loader(dataset, preprocess, batch_size, how)
    loader.bad = bad if bad is not None else loader.bad
    for batch in loader.epoch(0):
        yield batch.images, batch.labels, batch.indices
