"""Memory of gradients: one flat float32 array for all parameters, in buckets.

Parameters are stored from the last to the first, about the order in which a backward pass completes
their gradients, each in the order of its own memory. Consecutive parameters make a bucket, which is
sent as one message. Running statistics of batch normalisation follow in a bucket of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import Tensor

LARGEST, SMALLEST = 1 << 20, 1 << 13
"""Elements from which on a bucket takes no further parameter: 4 MiB; less for small networks."""
BUCKETS = 8
"""So many of a small network: with one alone nothing is sent before all is computed."""


@dataclass(frozen=True)
class Bucket:
    """Elements start to stop of the arena, and the names that they belong to."""

    start: int
    stop: int
    names: tuple[str, ...]


class Layout:
    """Where each parameter and each buffer of floats lies. TypeError unless all are float32."""

    def __init__(self, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor]) -> None:
        self.parameters, self.buffers = dict(parameters), dict(buffers)
        self._tensors = {**self.parameters, **self.buffers}
        unlike = [n for n, t in self._tensors.items() if t.dtype != np.float32]
        if unlike:
            raise TypeError(f"gradients are sent as float32; of another type: {', '.join(unlike)}")
        self._starts: dict[str, int] = {}
        self.buckets: list[Bucket] = []
        whole = sum(parameter.size for parameter in self.parameters.values())
        bucket = min(LARGEST, max(SMALLEST, whole // BUCKETS))
        self._pack(list(reversed(self.parameters)), bucket)
        self.weights = self.size
        if self.buffers:
            self._pack(list(self.buffers), 1 << 62)

    @property
    def size(self) -> int:
        """Elements of an arena."""
        return self.buckets[-1].stop if self.buckets else 0

    def _pack(self, names: Sequence[str], limit: int) -> None:
        start, own = self.size, list[str]()
        at = start
        for name in names:
            self._starts[name] = at
            at += self._tensors[name].size
            own.append(name)
            if at - start >= limit:
                self.buckets.append(Bucket(start, at, tuple(own)))
                start, own = at, []
        if own:
            self.buckets.append(Bucket(start, at, tuple(own)))

    def new(self) -> np.ndarray:
        """An arena, (size,) float32."""
        return np.zeros(self.size, np.float32)

    def view(self, arena: np.ndarray, name: str) -> np.ndarray:
        """The array of a name in an arena, with the shape and the order of memory of its own."""
        like: Any = self._tensors[name]._array
        order = sorted(range(like.ndim), key=lambda axis: -like.strides[axis])
        start = self._starts[name]
        flat = arena[start : start + like.size]
        packed = flat.reshape([like.shape[axis] for axis in order])  # (size,) -> axes as in memory
        return packed.transpose(np.argsort(order))  # -> the tensor's own axes
