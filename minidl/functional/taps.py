"""Sparse matrices that resize one axis: the taps of each output position and their weights.

    y[p] = sum over t of weight[p, t] x[index[p, t]]

A resampling filter is such a matrix, and the derivative is its transpose, with the same structure.
A tap is one `take` and one product for all positions at once. Weights are float64, and are rounded
once, to the type of x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import device


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
        """The product with x along `axis`, in x's type, memory order and device."""
        y: Any = None
        for index, weight in zip(self.index.T, self.weight.T, strict=True):
            (rows,) = np.nonzero(weight)
            if len(rows) == len(self):
                part = _weighted(x, index, weight, axis)
                y = part if y is None else np.add(y, part, out=y)
            elif len(rows):
                y = self._zeros(x, axis) if y is None else y
                place = (*(slice(None),) * axis, device.like(rows, x))
                y[place] += _weighted(x, index[rows], weight[rows], axis)
        return self._zeros(x, axis) if y is None else y

    def _zeros(self, x: Any, axis: int) -> Any:
        return np.zeros_like(x, shape=(*x.shape[:axis], len(self), *x.shape[axis + 1 :]))


def _weighted(x: Any, index: np.ndarray, weight: np.ndarray, axis: int) -> Any:
    taken = device.take_along(x, index, axis)
    if not (weight == 1).all():
        along = weight.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))  # (P,) -> (P,1,..)
        taken *= device.like(along, x)
    return taken


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
    """The two positions around each coordinate x (P,); outside, the position at the edge."""
    x = x.clip(0, size - 1)
    low = np.floor(x)
    high = x - low
    index = np.stack([low, (low + 1).clip(0, size - 1)], 1).astype(np.int64)  # (P,2)
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
        weight /= weight.sum(1, keepdims=True)
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
    weight /= weight.sum(1, keepdims=True)
    return Taps(size, index.clip(0, size - 1).astype(np.int64), weight)


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
