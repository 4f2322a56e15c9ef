"""One output of a pooling: the pixels of its window, and which of them won, or their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import PoolGeometry
from zfnet.look.inside.channel_sums import Place
from zfnet.look.inside.window_sum import cut, on, require_place, taps


@dataclass(frozen=True, eq=False)
class PooledWindow:
    """The pixels of one window.

    at:            (n,c,p,q).
    rows, columns: (R,) and (S,), the pixels of the taps; outside of the plane they are padding.
    inside:        (R,S) bool, taps on the plane.
    values:        (R,S) float64, 0 in the padding.
    """

    g: PoolGeometry
    at: Place
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        return np.logical_and.outer(on(self.rows, self.g.H), on(self.columns, self.g.W))


@dataclass(frozen=True, eq=False)
class MaxWindow(PooledWindow):
    """The largest pixel: the first of equals in row order, NaN before all numbers."""

    @property
    def winner(self) -> tuple[int, int]:
        """(r,s), the tap that won."""
        values = np.where(self.inside, self.values, -np.inf)
        best = np.isnan(values) if np.isnan(values).any() else values == values.max()
        r, s = np.argwhere(best & self.inside)[0]
        return int(r), int(s)

    @property
    def switch(self) -> int:
        """h W + w of the pixel that won, which the tape keeps."""
        r, s = self.winner
        return int(self.rows[r]) * self.g.W + int(self.columns[s])

    @property
    def result(self) -> float:
        return float(self.values[self.winner])


@dataclass(frozen=True, eq=False)
class AverageWindow(PooledWindow):
    """The mean of the pixels, over those that count (`PoolGeometry.divisors`)."""

    @property
    def divisor(self) -> float:
        _, _, p, q = self.at
        return float(self.g.divisors()[p, q])

    @property
    def total(self) -> float:
        return float(self.values.sum())

    @property
    def result(self) -> float:
        return self.total / self.divisor

    @property
    def absolute(self) -> float:
        """The mean of the absolute pixels: what errors are relative to."""
        return float(np.abs(self.values).sum()) / self.divisor


def max_window(x: np.ndarray, g: PoolGeometry, at: Sequence[int]) -> MaxWindow:
    """The window of output `at` (n,c,p,q) of x (N,C,H,W); ValueError if there is none."""
    return MaxWindow(g, *_window(x, g, at))


def average_window(x: np.ndarray, g: PoolGeometry, at: Sequence[int]) -> AverageWindow:
    """The window of output `at` (n,c,p,q) of x (N,C,H,W); ValueError if there is none."""
    return AverageWindow(g, *_window(x, g, at))


def _window(
    x: np.ndarray, g: PoolGeometry, at: Sequence[int]
) -> tuple[Place, np.ndarray, np.ndarray, np.ndarray]:
    n, c, p, q = require_place(at, g.y_shape, "output")
    if x.shape != g.x_shape:
        raise ValueError(f"x {x.shape} must be {g.x_shape}")
    rows, columns = taps(g, p, q)
    return (n, c, p, q), rows, columns, cut(x[n, c : c + 1], rows, columns)[0]
