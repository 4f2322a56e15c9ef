"""Data sets: whatever has a length and gives a sample for a number, named as in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl import device as devices
from minidl.creation import from_numpy
from minidl.functional import arguments
from minidl.randomness import given_or_default
from minidl.tensor import Tensor


class Dataset:
    """A subclass defines `__len__` and `__getitem__`; any other object with both does as well."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__(index)")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__()")


class TensorDataset(Dataset):
    """Samples of Tensors or arrays of one length: number i gives the row i of each."""

    def __init__(self, *tensors: Tensor | np.ndarray) -> None:
        if not tensors:
            raise ValueError("TensorDataset: takes at least one Tensor or array")
        for t in tensors:
            if not isinstance(t, Tensor) and not devices.is_array(t):
                raise TypeError(f"TensorDataset: takes Tensors and arrays, got {type(t).__name__}")
        self.tensors = tuple(t if isinstance(t, Tensor) else from_numpy(t) for t in tensors)
        if len({t.shape[:1] for t in self.tensors}) != 1 or not self.tensors[0].ndim:
            shapes = [t.shape for t in self.tensors]
            raise ValueError(f"TensorDataset: {shapes} must have one length of the first axis")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """The samples of these numbers of another data set."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, [int(i) for i in indices]

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


def random_split(
    dataset: Any, lengths: Sequence[float], generator: np.random.Generator | None = None
) -> list[Subset]:
    """Disjoint parts, drawn at random, of these lengths, or of these shares that add up to 1."""
    counts, total = list(lengths), len(dataset)
    if any(isinstance(n, float) for n in counts):
        whole = [int(total * share) for share in counts]
        for i in range(total - sum(whole)):
            whole[i % len(whole)] += 1
        counts = list(whole)
    counts = [arguments.integer(n, "random_split: lengths", least=0) for n in counts]
    if sum(counts) != total:
        raise ValueError(f"random_split: {counts} must add up to the {total} samples")
    order, ends = given_or_default(generator).permutation(total), np.cumsum(counts).tolist()
    return [Subset(dataset, order[e - n : e].tolist()) for n, e in zip(counts, ends, strict=True)]
