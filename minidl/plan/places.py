"""Places of a plan's results in its memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from kernels.contract import memory
from minidl.plan.arena import Arena, Shape


class Places:
    """Where each result is stored.

    shapes: of each result.
    placed: results that are channels of a concatenation, its name, and their first channel.
    """

    def __init__(
        self,
        arena: Arena,
        shapes: Mapping[str, Shape],
        placed: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        self.arena, self._shapes, self._placed = arena, shapes, placed or {}
        self._arrays = dict[str, np.ndarray]()
        self._owner = dict[str, str]()
        self._readers = dict[str, int]()
        self._scratch = list[np.ndarray]()
        self._copied = set[tuple[str, str]]()

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def new(self, name: str) -> np.ndarray:
        """Memory for a result; of one that is placed, its channels of the whole."""
        if name in self._arrays:
            return self._arrays[name]
        if name in self._placed:
            whole, first = self._placed[name]
            channels = slice(first, first + self._shapes[name].shape[1])
            return self.view(name, whole, self.new(whole)[:, channels])
        like = self._shapes[name]
        array = self.arena.take(like.shape, like.dtype, like.layout)
        return self.view(name, name, array)

    def view(self, name: str, of: str, array: np.ndarray) -> np.ndarray:
        """Note that a result is this array, in the memory of another one."""
        owner = self._owner.get(of, of)
        self._arrays[name], self._owner[name] = array, owner
        self._readers[owner] = self._readers.get(owner, 0) + 1
        return array

    def whole(self, name: str) -> str:
        """The concatenation whose first channels this one is, or itself."""
        return self._placed[name][0] if name in self._placed else name

    def to_copy(self, names: Sequence[str], whole: str) -> list[bool]:
        """Which of a concatenation's inputs are neither in their places nor were copied there."""
        to_copy = [
            self._placed.get(name, ("", 0))[0] != whole and (name, whole) not in self._copied
            for name in names
        ]
        self._copied |= {(name, whole) for name in names}
        return to_copy

    def is_last(self, name: str) -> bool:
        """Whether no other result is in the same memory."""
        return self._readers[self._owner[name]] == 1

    def scratch(self, shape: Any, dtype: Any, layout: str = "C") -> np.ndarray:
        """Memory that the step needs while it runs."""
        self._scratch.append(self.arena.take(shape, dtype, layout))
        return self._scratch[-1]

    def end_of_step(self, dying: Collection[str]) -> None:
        """The step is bound; nothing later reads the results `dying`."""
        for array in self._scratch:
            self.arena.release(array)
        self._scratch.clear()
        for name in dying:
            owner = self._owner[name]
            self._readers[owner] -= 1
            if self._readers[owner] == 0:
                self.arena.release(self._arrays[owner])


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether both have their elements in the same order, without gaps."""
    packed = a.flags.c_contiguous or (a.ndim == 4 and memory.nhwc(a).flags.c_contiguous)
    return packed and (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)


def flat(a: np.ndarray) -> np.ndarray:
    """The elements in the order of memory, which has no gaps; the same memory."""
    return a.reshape(-1) if a.flags.c_contiguous else memory.flat(a)


def channels_last(*arrays: np.ndarray) -> bool:
    return all(a.ndim == 4 and memory.nhwc(a).flags.c_contiguous for a in arrays)


def pixels_apart(a: np.ndarray) -> bool:
    """Whether it is channels-last, or some channels of an array that is."""
    if a.ndim != 4:
        return False
    (_, _, H, W), item = a.shape, a.itemsize
    n, c, h, w = a.strides
    return c == item and w % item == 0 and h == W * w and n == H * h
