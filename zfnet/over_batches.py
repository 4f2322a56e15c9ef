"""One pass over a data set in batches, which the processes of a team share.

A batch has the images that it has in one process, whoever computes it, so that results are the same
bits. Process 0 gets them in the order of the batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from zfnet.data import BadImage, Batch, Dataset, Loader, Loading
from zfnet.data.preprocess import square_of
from zfnet.network import Network
from zfnet.parallel.team import Report, shared, sharing
from zfnet.parallel.world import Alone, Processes, together

Found = TypeVar("Found")
Heed = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class OfBatch(Generic[Found]):
    """What was found of a batch: of the images at these positions in the data set.

    found: None for a batch without a readable image. bad: title -> reason of its other images.
    """

    position: int
    indices: np.ndarray
    labels: np.ndarray
    found: Found | None
    bad: dict[str, str]


@dataclass(frozen=True, eq=False)
class OverBatches(Generic[Found]):
    """`compute` of the network and each batch of a data set, in its order.

    compute: a function of a module or a frozen dataclass, which can be pickled.
    """

    network: Network
    dataset: Dataset
    batch_size: int
    how: Loading
    compute: Callable[[Network, Batch], Found]

    def __len__(self) -> int:
        """The number of batches. ValueError as `Loader`."""
        return len(self._loader())

    def _loader(self) -> Loader:
        return Loader(self.dataset, self.network.preprocess, self.batch_size, self.how)

    def __call__(self, items: range, report: Report) -> Iterator[OfBatch[Found]]:
        loader, at = self._loader(), items.start

        def of(batch: Batch) -> OfBatch[Found]:
            titles = map(self.dataset.title, self._left_out(batch.position, batch.indices))
            bad = {title: loader.bad[title] for title in titles}
            found = self.compute(self.network, batch) if len(batch.labels) else None
            return OfBatch(batch.position, batch.indices, batch.labels, found, bad)

        def empty(position: int) -> OfBatch[Found]:
            none = np.empty(0, np.int64)
            return of(Batch(none, none, none, position))

        for batch in loader.epoch(0, min(at, len(loader)), items.step):
            for position in range(at, batch.position, items.step):
                yield empty(position)
            yield of(batch)
            at = batch.position + items.step
        for position in range(at, items.stop, items.step):
            yield empty(position)

    def each(
        self, bad: dict[str, str] | None = None, heed: Heed = lambda images: None
    ) -> Iterator[OfBatch[Found]]:
        """The batches that have readable images, in order, from all processes of a team.

        bad: gets title -> reason. heed: called with the number of images after each batch.
        ValueError if no image can be read, or if one can be read here and not in the process that
        tried.
        """
        known: dict[str, str] = {} if bad is None else bad
        with closing(shared(self, len(self), _silent)) as batches:
            empty = True
            for batch in batches:
                if sharing():
                    self._require_bad_here(batch)
                known.update(batch.bad)
                if batch.found is not None:
                    empty = False
                    yield batch
                heed(min((batch.position + 1) * self.batch_size, len(self.dataset)))
        if empty:
            self._refuse_all(known)

    def together(
        self, world: Alone | Processes, bad: dict[str, str], heed: Heed
    ) -> list[OfBatch[Found]]:
        """The same in every process of a training: each has its batches, and gets all of them."""
        own: list[OfBatch[Found]] = []

        def compute() -> None:
            for batch in self(range(world.rank, len(self), world.size), _silent):
                own.append(batch)
                heed(min((batch.position + 1) * self.batch_size, len(self.dataset)))

        together(world, compute)
        found = sorted((b for part in world.gather(own) for b in part), key=lambda b: b.position)
        for batch in found:
            bad.update(batch.bad)
        full = [batch for batch in found if batch.found is not None]
        if not full:
            self._refuse_all(bad)
        return full

    def _left_out(self, position: int, indices: np.ndarray) -> list[int]:
        """The images of a batch that are not among these."""
        first = position * self.batch_size
        last = min(first + self.batch_size, len(self.dataset))
        return sorted(set(range(first, last)) - set(indices.tolist()))

    def _refuse_all(self, bad: dict[str, str]) -> None:
        loader = self._loader()
        loader.bad = bad
        loader.refuse_all_bad()

    def _require_bad_here(self, batch: OfBatch[Found]) -> None:
        """ValueError if an image that another process could not read is readable here."""
        for index in self._left_out(batch.position, batch.indices):
            try:
                square_of(self.dataset, index, self.network.preprocess.prepare)
            except BadImage:
                continue
            raise ValueError(
                f"{self.dataset.title(index)} of {self.dataset.name} can be read in process 0 and "
                "not in another one: the folder must be the same on all machines"
            )


def _silent(title: str, done: int, total: int) -> None:
    """Batches are counted where their results come together."""
