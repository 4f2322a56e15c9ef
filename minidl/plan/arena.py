"""Memory of a plan: arrays that share addresses where their lifetimes do not overlap.

The plan asks for arrays in the order of its steps and returns each after the last step that reads
it. First fit by address, as in the pool of all arrays (`kernels/contract/pool.py`); but these
arrays stay where they are, and each is written again in every run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import memory
from kernels.contract.pool import ALIGNMENT, Region

REGION = 64 << 20
"""Bytes of addresses asked for at a time, at least; pages come when they are touched."""


@dataclass(frozen=True)
class Shape:
    """Shape, type and memory order of a result; `layout` as of `memory.empty`."""

    shape: tuple[int, ...]
    dtype: np.dtype
    layout: str

    @classmethod
    def of(cls, array: np.ndarray) -> Shape:
        """That of an array; of four axes that are in both orders, channels-last."""
        last = array.ndim == 4 and memory.nhwc(array).flags.c_contiguous
        row_major = array.ndim != 4 or array.flags.c_contiguous
        return cls(array.shape, array.dtype, "C" if row_major and not last else "NHWC")


class Arena:
    """Arrays by first fit; `most` is the largest number of bytes in use at once."""

    def __init__(self) -> None:
        self._regions = list[Region]()
        self._taken = dict[int, tuple[Region, int, int]]()
        self.in_use, self.most = 0, 0

    def take(self, shape: Sequence[int], dtype: DTypeLike, layout: str = "C") -> np.ndarray:
        """An array, as `memory.empty` makes it, filled with whatever was there."""
        if layout == "NHWC":
            N, C, H, W = shape
            shape = N, H, W, C
        kind = np.dtype(dtype)
        size = max(1, -(-math.prod(shape) * kind.itemsize // ALIGNMENT)) * ALIGNMENT
        region, start = self._place(size)
        array = np.ndarray(tuple(shape), kind, region.memory, region.skipped + start)
        self._taken[region.address + start] = region, start, size
        self.in_use += size
        self.most = max(self.most, self.in_use)
        return memory.nchw(array) if layout == "NHWC" else array

    def release(self, array: np.ndarray) -> None:
        """Others may have this array's memory from now on. KeyError for an array that `take` did
        not return, or that was released."""
        region, start, size = self._taken.pop(array.ctypes.data)
        region.free.add(start, start + size)
        self.in_use -= size

    def _place(self, size: int) -> tuple[Region, int]:
        for region in self._regions:
            start = region.take(size)
            if start is not None:
                return region, start
        self._regions.append(Region(max(size, REGION)))
        return self._place(size)
