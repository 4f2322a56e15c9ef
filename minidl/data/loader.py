"""Batches of a data set, drawn in order or shuffled, and loaded by threads.

The order of an epoch is drawn when its iteration begins; how many threads load the samples changes
no batch. Threads, not processes: NumPy, PIL and our kernels release Python's lock while they work,
and nothing has to be copied between processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from minidl.data.collate import default_collate
from minidl.data.datasets import TensorDataset
from minidl.functional import arguments
from minidl.randomness import given_or_default


class DataLoader:
    """Batches of `batch_size` samples; each iteration over it is an epoch.

    shuffle:     in a new order each epoch, drawn from `generator`, or from the generator that
                 `minidl.manual_seed` seeds.
    num_workers: threads that load batches ahead, each `prefetch_factor` of them; 0 loads each when
                 it is asked for.
    collate_fn:  makes a batch of a list of samples; `default_collate` stacks.
    drop_last:   leave out the last batch if it is smaller.
    sampler:     numbers of samples in the order to take them; batch_sampler: lists of them.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: np.random.Generator | None = None,
        prefetch_factor: int = 2,
        persistent_workers: bool = False,
    ) -> None:
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise TypeError(
                f"DataLoader: a data set has __len__ and __getitem__, a {type(dataset).__name__} "
                "does not; TensorDataset(x, y) makes one of arrays"
            )
        if (sampler is not None or batch_sampler is not None) and shuffle:
            raise ValueError("DataLoader: a sampler has the order; shuffle must be False with it")
        self.dataset, self.shuffle, self.drop_last = dataset, bool(shuffle), bool(drop_last)
        self.batch_size = (
            None
            if batch_size is None
            else arguments.integer(batch_size, "DataLoader: batch_size", least=1)
        )
        self.num_workers = arguments.integer(num_workers, "DataLoader: num_workers", least=0)
        self.prefetch_factor = arguments.integer(prefetch_factor, "DataLoader: prefetch_factor", 1)
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn = collate_fn

    def __len__(self) -> int:
        """Batches per epoch."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        count = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        full, rest = divmod(count, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        batches = self._batches()
        if self.num_workers == 0:
            return map(self._load, batches)
        return self._prefetched(batches)

    def _batches(self) -> Iterator[Any]:
        """The numbers of each batch's samples; without a batch size one number each."""
        if self.batch_sampler is not None:
            return iter(self.batch_sampler)
        order = self._order()
        size = self.batch_size
        if size is None:
            return iter(order)
        parts = (order[at : at + size] for at in range(0, len(order), size))
        return (part for part in parts if len(part) == size or not self.drop_last)

    def _order(self) -> list[int]:
        if self.sampler is not None:
            return [int(i) for i in self.sampler]
        if not self.shuffle:
            return list(range(len(self.dataset)))
        drawn: list[int] = given_or_default(self.generator).permutation(len(self.dataset)).tolist()
        return drawn

    def _load(self, numbers: Any) -> Any:
        if isinstance(numbers, int):
            return self.dataset[numbers]
        if self.collate_fn is None and type(self.dataset) is TensorDataset:
            return list(self.dataset[np.asarray(numbers)])  # all rows at once
        collate = default_collate if self.collate_fn is None else self.collate_fn
        batch = collate([self.dataset[i] for i in numbers])
        # As PyTorch: a batch of tuples is a list, which the caller unpacks or changes.
        return list(batch) if self.collate_fn is None and type(batch) is tuple else batch

    def _prefetched(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches in order, some of them loaded ahead by threads."""
        with ThreadPoolExecutor(self.num_workers) as pool:
            waiting: deque[Future[Any]] = deque()
            try:
                for numbers in batches:
                    waiting.append(pool.submit(self._load, numbers))
                    if len(waiting) > self.num_workers * self.prefetch_factor:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
