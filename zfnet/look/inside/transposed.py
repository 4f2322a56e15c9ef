"""One step back of a projection: which pixel gets what from where.

    gathered   gx[n,c,h,w] = sum over k,r,s of gy[n,k,p,q] w[k,c,r,s], h = p stride - padding + r
               dilation: in the order of the plane that is the kernel flipped
    scattered  gy[n,k,p,q] times the kernel w[k], added to the pixels of its window
    collected  of pooling: each window's value goes to its switch, or in equal shares to all taps
    rectified  of a rectifier: what the table of rules does with the cotangent

The first is the transposed convolution (dgrad) and the deconvnet's filtering (Zeiler, Fergus 2013,
section 2.1), the second its scatter form (col2im).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from zfnet.look.inside.channel_sums import ChannelSums, Place
from zfnet.look.inside.window_sum import on, require_place, taps


class GatheredSum(ChannelSums):
    """The products of one pixel (n,c,h,w) of a transposed convolution, filter by filter.

    rows, columns: the position p or q under each tap of the flipped kernel; -1 where no window has
                   the pixel at this tap (between strides, or outside of the plane).
    window:        (K/groups,R,S), gy at those positions.
    filter:        (K/groups,R,S), taps R - 1 to 0 and S - 1 to 0 of the filters' kernels of the
                   pixel's channel.
    bias:          of the pixel's channel, in a layer that has one; a step back has none.
    """

    @property
    def inside(self) -> np.ndarray:
        """(R,S) bool, taps with a window."""
        return np.logical_and.outer(self.rows >= 0, self.columns >= 0)


def gathered_sum(
    gy: np.ndarray,
    kernels: np.ndarray,
    g: ConvGeometry,
    at: Sequence[int],
    bias: float | None = None,
) -> GatheredSum:
    """The products of pixel `at` (n,c,h,w): gy (N,K,P,Q), and of the filters of its group the
    kernels (K/groups,R,S) of its channel. ValueError for no such pixel, or other shapes."""
    n, c, h, w = require_place(at, g.x_shape, "pixel")
    each = g.K // g.groups
    if gy.shape != g.y_shape or kernels.shape != (each, g.R, g.S):
        raise ValueError(
            f"gy {gy.shape} and kernels {kernels.shape} must be {g.y_shape} and {each, g.R, g.S}"
        )
    first = c // (g.C // g.groups) * each
    rows, columns = _positions(g, 0, h), _positions(g, 1, w)
    r, s = rows >= 0, columns >= 0
    window = np.zeros((each, g.R, g.S))
    source, across = gy[n, first : first + each], np.flatnonzero(s)
    window[:, np.flatnonzero(r)[:, None], across] = source[:, rows[r][:, None], columns[s]]
    flipped = kernels[:, ::-1, ::-1].astype(np.float64)
    return GatheredSum(g, (n, c, h, w), first, rows, columns, window, flipped, bias)


def _positions(g: ConvGeometry, axis: int, pixel: int) -> np.ndarray:
    """The position whose window has `pixel` at each tap, the last tap first; -1 for none."""
    taps = np.arange((g.R, g.S)[axis])[::-1]
    offset = pixel + g.padding[2 * axis] - taps * g.dilation[axis]
    position, rest = np.divmod(offset, g.stride[axis])
    there = (rest == 0) & on(position, (g.P, g.Q)[axis])
    return np.where(there, position, -1)


@dataclass(frozen=True, eq=False)
class Scattered:
    """One position's part in a transposed convolution: its value times its filter's kernels.

    at: (n,k,p,q).    rows, columns: (R,) and (S,), the pixels; outside of the plane they are lost.
    first: the first channel of the filter's group.     filter: (C/groups,R,S) float64.
    """

    g: ConvGeometry
    at: Place
    first: int
    rows: np.ndarray
    columns: np.ndarray
    value: float
    filter: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        return np.logical_and.outer(on(self.rows, self.g.H), on(self.columns, self.g.W))

    @property
    def products(self) -> np.ndarray:
        """(C/groups,R,S): what each pixel gets."""
        return self.value * self.filter


def scattered(gy: np.ndarray, filter: np.ndarray, g: ConvGeometry, at: Sequence[int]) -> Scattered:
    """What position `at` (n,k,p,q) of gy gives to the pixels, with filter k (C/groups,R,S)."""
    n, k, p, q = require_place(at, g.y_shape, "output")
    first = k // (g.K // g.groups) * (g.C // g.groups)
    own = filter.astype(np.float64)
    return Scattered(g, (n, k, p, q), first, *taps(g, p, q), float(gy[n, k, p, q]), own)


@dataclass(frozen=True, eq=False)
class Collected:
    """One pixel behind a pooling: what the windows that contain it give back.

    at:            (n,c,h,w).
    rows, columns: the positions p and q of these windows.
    values:        gy of each window.    shares: of it that the pixel gets: of max-pooling 1 where
                   the pixel is the switch and 0 elsewhere, of average pooling 1 / divisor.
    switches:      (h,w) of each window's switch, (rows,columns,2); of max-pooling alone.
    """

    g: PoolGeometry
    at: Place
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shares: np.ndarray
    switches: np.ndarray | None

    @property
    def products(self) -> np.ndarray:
        return self.values * self.shares

    @property
    def result(self) -> float:
        return float(self.products.sum())

    @property
    def absolute(self) -> float:
        return float(np.abs(self.products).sum())


def unpooled(gy: np.ndarray, switches: np.ndarray, g: PoolGeometry, at: Sequence[int]) -> Collected:
    """Pixel `at` (n,c,h,w) of the unpooling of gy (N,C,P,Q) by its switches, flat indices."""
    n, c, h, w = require_place(at, g.x_shape, "pixel")
    rows, columns = _containing(g, 0, h), _containing(g, 1, w)
    own = switches[n, c][np.ix_(rows, columns)]
    shares = (own == h * g.W + w).astype(np.float64)
    values = gy[n, c][np.ix_(rows, columns)].astype(np.float64)
    places = np.stack(np.divmod(own, g.W), axis=-1)
    return Collected(g, (n, c, h, w), rows, columns, values, shares, places)


def averaged_back(gy: np.ndarray, g: PoolGeometry, at: Sequence[int]) -> Collected:
    """Pixel `at` (n,c,h,w) of the transpose of average pooling of gy (N,C,P,Q)."""
    n, c, h, w = require_place(at, g.x_shape, "pixel")
    rows, columns = _containing(g, 0, h), _containing(g, 1, w)
    shares = 1 / g.divisors()[np.ix_(rows, columns)]
    values = gy[n, c][np.ix_(rows, columns)].astype(np.float64)
    return Collected(g, (n, c, h, w), rows, columns, values, shares, None)


def _containing(g: PoolGeometry, axis: int, pixel: int) -> np.ndarray:
    """The positions of the windows that have `pixel` at one of their taps."""
    positions = np.arange((g.P, g.Q)[axis])
    offset = pixel + g.padding[2 * axis] - positions * g.stride[axis]
    tap, rest = np.divmod(offset, g.dilation[axis])
    return positions[(rest == 0) & on(tap, (g.R, g.S)[axis])]


@dataclass(frozen=True)
class Rectified:
    """One element of a rectifier's step back.

    gy:     the cotangent from above.      x: the rectifier's input in the forward pass.
    cotangent_rectified, masked: whether the table cuts off gy below zero, and where x is not above.
    """

    gy: float
    x: float
    cotangent_rectified: bool
    masked: bool

    @property
    def result(self) -> float:
        stopped = (self.cotangent_rectified and self.gy <= 0) or (self.masked and self.x <= 0)
        return 0.0 if stopped else self.gy
