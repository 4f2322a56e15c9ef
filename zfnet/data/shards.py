"""Batches cut into shards, of which a process reads only its own.

Shard s of S has the positions N s / S to N (s + 1) / S of a batch of N images in the epoch's order.
Unreadable images are left out of their shard, so that they are skipped alike whoever reads it.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from zfnet.data.batches import Batch, Loading
from zfnet.data.dataset import Dataset, prefetched
from zfnet.data.loader import Loader
from zfnet.data.preprocess import Preprocess


@dataclass(frozen=True, eq=False)
class Shard:
    """A part of a batch. first: images of the batch in front of it, unreadable ones too."""

    number: int
    first: int
    batch: Batch


@dataclass(frozen=True, eq=False)
class CutBatch:
    """This process's shards of the batch at `position`; images: of the batch, in all processes."""

    position: int
    images: int
    shards: tuple[Shard, ...]


class ShardLoader(Loader):
    """A loader of the shards `own` of each batch, of `shards` in all.

    Every batch of the epoch is yielded: one of whose images none can be read in this process may
    have others elsewhere.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        batch_size: int,
        how: Loading,
        shards: int,
        own: range,
    ) -> None:
        super().__init__(dataset, preprocess, batch_size, how)
        self.shards, self.own = shards, own

    def cut(self, number: int, start: int = 0) -> Generator[CutBatch, None, None]:
        """The batches of epoch `number` from position `start` on, as `epoch` has them."""
        order, stop = self._order(number), threading.Event()

        def make(position: int) -> CutBatch:
            indices = order[position * self.batch_size : (position + 1) * self.batch_size]
            shards = []
            for shard in self.own:
                lo, hi = (len(indices) * s // self.shards for s in (shard, shard + 1))
                batch = self._batch(indices[lo:hi], number, position, stop)
                shards.append(Shard(shard, lo, batch))
            return CutBatch(position, len(indices), tuple(shards))

        positions = range(start, len(self))
        with closing(
            prefetched(make, positions, workers=self.how.workers, depth=self.how.prefetch)
        ) as batches:
            try:
                yield from batches
            finally:
                stop.set()
