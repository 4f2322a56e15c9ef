"""Sparse matrices that resize one axis: the taps of each output position and their weights.

    y[p] = sum over t of weight[p, t] x[index[p, t]]

A resampling filter is such a matrix, and the derivative is its transpose, with the same structure.
A tap is one `take` and one product for all positions at once. Weights are float64, and are rounded
once, to the type of x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract import memory
from minidl import device

MANY, FILLED = 64, 8
"""With more taps than the first in a row, and a row filled to one part in the second: dense."""


@dataclass(frozen=True, eq=False)
class Taps:
    """A matrix (P, size) with at most T entries a row.

    size:   the length of the axis before.
    index:  (P,T) positions along that axis.
    weight: (P,T) float64; 0 is no tap.
    """

    size: int
    index: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def transposed(self) -> Taps:
        """The transposed matrix (size, P); its entries of one row are in the order of P."""
        p, t = np.nonzero(self.weight)
        order = np.argsort(self.index[p, t], kind="stable")
        rows, columns, weights = self.index[p, t][order], p[order], self.weight[p, t][order]
        counts = np.bincount(rows, minlength=self.size)
        at = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]  # the number in its row
        shape = self.size, int(counts.max(initial=0))
        index, weight = np.zeros(shape, np.int64), np.zeros(shape)
        index[rows, at], weight[rows, at] = columns, weights
        return Taps(len(self), index, weight)

    def dense(self) -> np.ndarray:
        """The matrix (P, size)."""
        matrix = np.zeros((len(self), self.size))
        rows = np.arange(len(self))[:, None]
        np.add.at(matrix, (np.broadcast_to(rows, self.index.shape), self.index), self.weight)
        return matrix

    def apply(self, x: Any, axis: int) -> Any:
        """The product with x along `axis`, in x's type and on its device.

        It is the sum over the taps; where a row has very many of them, a dense matrix product.
        """
        taps = self.index.shape[1]
        if taps > MANY and taps * FILLED > self.size:
            dense = device.like(self.dense().astype(x.dtype), x)
            return np.matmul(x.swapaxes(axis, -1), dense.T).swapaxes(
                axis, -1
            )  # (..,size) x (size,P)
        order = device.memory_order(x)
        ordered, at = x.transpose(order), order.index(axis)
        before, behind = ordered.shape[:at], ordered.shape[at + 1 :]
        outer, inner = math.prod(before), math.prod(behind)
        rows = ordered.reshape(outer, self.size, inner)  # (...,size,...) -> (outer,size,inner)
        y = memory.empty((outer, len(self), inner), x.dtype, like=x)
        steps = [step for step in self._steps(rows) if len(step.rows)]
        step = (
            max(1, BLOCK // max(len(self) * inner * x.itemsize, 1)) if device.is_host(x) else outer
        )
        for start in range(0, outer, max(step, 1)):
            _sum(rows[start : start + step], steps, y[start : start + step])
        back = np.argsort(order).tolist()
        return y.reshape(*before, len(self), *behind).transpose(
            back
        )  # (outer,P,inner) -> (..,P,..)

    def _steps(self, x: Any) -> Iterator[Step]:
        """The taps one after the other, with arrays on the device of x (outer,size,inner)."""
        inner = x.shape[2]
        for index, weight in zip(self.index.T, self.weight.T, strict=True):
            (rows,) = np.nonzero(weight)
            along = weight[rows].astype(x.dtype)
            # A product with few elements for each weight would spend its time between them.
            along = along[:, None].repeat(inner if inner <= SHORT else 1, 1)  # (P,) -> (P,1)
            yield Step(
                len(rows) == len(weight), device.like(rows, x), device.like(index[rows], x),
                None if (weight[rows] == 1).all() else device.like(along, x),
            )  # fmt: skip


BLOCK, SHORT = 1 << 18, 64
"""Bytes of the result that are computed at a time on the CPU, and the length of a short row."""


@dataclass(frozen=True, eq=False)
class Step:
    """One tap: the rows that have it, or all of them; its positions; its weights, if not all 1."""

    whole: bool
    rows: Any
    index: Any
    weight: Any


def _sum(x: Any, steps: Sequence[Step], y: Any) -> None:
    """y (outer,P,inner) = the sum over the steps of weight times x (outer,size,inner) at index."""
    part: Any = None
    for at, step in enumerate(steps):
        if at == 0 and step.whole:
            device.take_into(x, step.index, y)
            _scale(y, step.weight)
        elif step.whole:
            part = np.empty_like(y) if part is None else part
            device.take_into(x, step.index, part)
            _scale(part, step.weight)
            np.add(y, part, out=y)
        else:
            if at == 0:
                y[...] = 0
            taken = np.take(x, step.index, 1)
            _scale(taken, step.weight)
            y[:, step.rows] += taken
    if not steps:
        y[...] = 0


def _scale(y: Any, weight: Any) -> None:
    """y (outer,P,inner) times weight (P,1) or (P,inner), in place."""
    if weight is not None:
        if weight.shape[1] == y.shape[2]:  # one long row of each
            y, weight = y.reshape(len(y), -1), weight.reshape(-1)
        np.multiply(y, weight, out=y)


def nearest(x: np.ndarray, size: int, rounding: str) -> Taps:
    """One tap at the position next to each coordinate x (P,), a tie rounded as ONNX names it."""
    floor = np.floor(x)
    rounded = {
        "floor": floor,
        "ceil": np.ceil(x),
        "round_prefer_floor": floor + (x - floor > 0.5),
        "round_prefer_ceil": floor + (x - floor >= 0.5),
    }[rounding]
    index = rounded.clip(0, size - 1).astype(np.int64)[:, None]  # (P,) -> (P,1)
    return Taps(size, index, np.ones(index.shape))


def linear(x: np.ndarray, size: int) -> Taps:
    """The two positions around each coordinate x (P,); outside, the position at the edge.

    A whole coordinate is its position twice, in halves: no other one takes part, be it NaN.
    """
    x = x.clip(0, size - 1)
    low = np.floor(x)
    high = np.where(x == low, 0.5, x - low)
    index = np.stack([low, np.ceil(x)], 1).astype(np.int64)  # (P,2)
    return Taps(size, index, np.stack([1 - high, high], 1))


def cubic(x: np.ndarray, size: int, a: float, exclude_outside: bool = False) -> Taps:
    """The four positions around each coordinate x (P,), by cubic convolution (Keys 1981).

    A position outside repeats the edge; with `exclude_outside` its weight is 0, and the others are
    divided by their sum.
    """
    index = np.floor(x)[:, None] + np.arange(-1, 3)  # (P,) -> (P,4)
    weight = keys(index - x[:, None], a)
    if exclude_outside:
        weight = np.where((index >= 0) & (index < size), weight, 0.0)
        weight = _normalised(weight)
    return Taps(size, index.clip(0, size - 1).astype(np.int64), weight)


def antialiased(
    x: np.ndarray, size: int, scale: float, filter: Filter, exclude_outside: bool = False
) -> Taps:
    """All positions under a filter that is stretched by 1 / scale where the axis is reduced.

    A position outside repeats the edge, or has weight 0 with `exclude_outside`; the weights are
    divided by their sum. ONNX has both, PyTorch and Pillow exclude.
    """
    stretch = min(scale, 1.0)
    reach = int(np.ceil(filter.radius / stretch)) if len(x) else 0
    index = np.floor(x)[:, None] + np.arange(-reach, reach + 2)  # (P,) -> (P,T)
    weight = filter.value((index - x[:, None]) * stretch)
    if exclude_outside:
        weight = np.where((index >= 0) & (index < size), weight, 0.0)
    weight = _normalised(weight)
    return Taps(size, index.clip(0, size - 1).astype(np.int64), weight)


def _normalised(weight: np.ndarray) -> np.ndarray:
    """The weights of each row over their sum; a row far outside has none."""
    total = weight.sum(1, keepdims=True)
    normalised: np.ndarray = weight / np.where(total == 0, 1, total)
    return normalised


def area(size: int, length: int) -> Taps:
    """The mean of each of `length` windows that cover the axis, as adaptive average pooling."""
    p = np.arange(length)
    start, end = p * size // length, -(-(p + 1) * size // length)
    index = start[:, None] + np.arange((end - start).max(initial=0))  # (P,) -> (P,T)
    weight = (index < end[:, None]) / (end - start)[:, None]
    return Taps(size, index.clip(0, max(size - 1, 0)), weight)


def keys(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution kernel (1981, section 4); a is -0.75 or -0.5."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


@dataclass(frozen=True)
class Filter:
    """A filter of real distances, 0 from `radius` on."""

    radius: int
    value: Callable[[np.ndarray], np.ndarray]


TRIANGLE = Filter(1, lambda t: np.maximum(1 - np.abs(t), 0.0))
"""Linear interpolation."""


def cubic_filter(a: float) -> Filter:
    """Cubic convolution."""
    return Filter(2, lambda t: keys(t, a))
