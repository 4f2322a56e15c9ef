"""Sum of the products of a window and a kernel, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import ConvGeometry

Place = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class ChannelSums:
    """The products that make one number, in the order of its channels.

    at:            the number's place, four indices.
    first:         the first channel that is read, that of its group.
    rows, columns: (R,) and (S,), what each tap reads; the subclass says which are off the plane.
    window:        (channels,R,S) float64, 0 where a tap reads nothing.
    filter:        (channels,R,S) float64.
    bias:          None without one.
    """

    g: ConvGeometry
    at: Place
    first: int
    rows: np.ndarray
    columns: np.ndarray
    window: np.ndarray
    filter: np.ndarray
    bias: float | None = None

    @property
    def products(self) -> np.ndarray:
        """(channels,R,S)."""
        return self.window * self.filter

    @property
    def channel_sums(self) -> np.ndarray:
        """(channels,): of each channel's products, rows of taps first."""
        return self.products.sum(axis=(1, 2))

    @property
    def partial_sums(self) -> np.ndarray:
        """(channels,): of the channels up to each, in order, without the bias."""
        return np.cumsum(self.channel_sums)

    @property
    def total(self) -> float:
        """Of all products, without the bias."""
        sums = self.partial_sums
        return float(sums[-1]) if len(sums) else 0.0

    @property
    def result(self) -> float:
        return self.total + (self.bias or 0.0)

    @property
    def absolute(self) -> float:
        """The sum of the absolute products and the bias: what errors are relative to."""
        return float(np.abs(self.products).sum()) + abs(self.bias or 0.0)

    def norm_wise(self, x: np.ndarray) -> float:
        """The same with the largest |x| of each plane in place of the window; x (N,channels,H,W)
        is what the window was cut from."""
        own = x[self.at[0], self.first :][: len(self.filter)].astype(np.float64)
        largest = np.abs(own).max(axis=(1, 2), initial=0.0)  # (channels,H,W) -> (channels,)
        size = np.abs(self.filter).sum(axis=(1, 2))  # (channels,R,S) -> (channels,)
        return float((largest * size).sum()) + abs(self.bias or 0.0)
