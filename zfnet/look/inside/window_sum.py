"""One output of a convolution as the sum of its products, channel by channel.

    y[n,k,p,q] = bias[k] + sum over c,r,s of x[n,c,h,w] w[k,c,r,s]

    h = p stride - padding + r dilation, and w in the same way (`kernels.reference.taps`)

A linear layer is the case of a window as large as its input. Pixels of type float32 are multiplied
in float64, where each product is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from zfnet.look.inside.channel_sums import ChannelSums, Place


class WindowSum(ChannelSums):
    """The products of one output at (n,k,p,q); rows and columns off the plane are padding."""

    @property
    def inside(self) -> np.ndarray:
        """(R,S) bool, taps on the plane."""
        return np.logical_and.outer(on(self.rows, self.g.H), on(self.columns, self.g.W))

    @property
    def im2col_row(self) -> np.ndarray:
        """(RSC/groups,): the row of this output's window in the matrix of im2col, whose columns are
        (r s c) as in channels-last memory (`kernels/cpu/unfold.py`)."""
        return unfolded(self.window)

    @property
    def filter_row(self) -> np.ndarray:
        """(RSC/groups,): the filter in the same order, a row of the other matrix."""
        return unfolded(self.filter)

    @property
    def im2col_at(self) -> int:
        """The number of that row: rows are (n p q)."""
        n, _, p, q = self.at
        return (n * self.g.P + p) * self.g.Q + q


def unfolded(window: np.ndarray) -> np.ndarray:
    """(C,R,S) -> (RSC,)."""
    return window.transpose(1, 2, 0).reshape(-1)


def on(places: np.ndarray, size: int) -> np.ndarray:
    """Whether each place is on an axis of `size` pixels."""
    found: np.ndarray = (places >= 0) & (places < size)
    return found


def taps(g: ConvGeometry | PoolGeometry, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows (R,) and columns (S,) of the taps of window (p,q), padding included."""
    rows = p * g.stride[0] - g.padding[0] + np.arange(g.R) * g.dilation[0]
    return rows, q * g.stride[1] - g.padding[2] + np.arange(g.S) * g.dilation[1]


def cut(planes: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The pixels (C,R,S) float64 of planes (C,H,W) at these rows and columns, 0 in the padding."""
    C, H, W = planes.shape
    found = np.zeros((C, len(rows), len(columns)))
    r, s = on(rows, H), on(columns, W)
    across = np.flatnonzero(s)
    found[:, np.flatnonzero(r)[:, None], across] = planes[:, rows[r][:, None], columns[s]]
    return found


def window_sum(
    x: np.ndarray,
    filter: np.ndarray,
    g: ConvGeometry,
    at: Sequence[int],
    bias: float | None = None,
) -> WindowSum:
    """The products of output `at` (n,k,p,q): x (N,C,H,W), filter k (C/groups,R,S), its bias.

    ValueError for an output that does not exist, or arrays of other shapes.
    """
    n, k, p, q = require_place(at, g.y_shape, "output")
    if x.shape != g.x_shape or filter.shape != g.w_shape[1:]:
        raise ValueError(
            f"x {x.shape} and the filter {filter.shape} must be {g.x_shape} and {g.w_shape[1:]}"
        )
    first = k // (g.K // g.groups) * (g.C // g.groups)
    rows, columns = taps(g, p, q)
    window = cut(x[n, first : first + g.C // g.groups], rows, columns)
    return WindowSum(
        *(g, (n, k, p, q), first, rows, columns, window, filter.astype(np.float64)),
        bias=None if bias is None else float(bias),
    )


def require_place(at: Sequence[int], shape: Sequence[int], what: str) -> Place:
    """`at` as four numbers; ValueError unless it is an index of `shape`."""
    place = tuple(int(i) for i in at)
    if len(place) != len(shape) or not all(0 <= i < n for i, n in zip(place, shape, strict=True)):
        raise ValueError(f"there is no {what} {place} in {tuple(shape)}")
    return place  # type: ignore[return-value]
