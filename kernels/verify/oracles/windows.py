"""Pooling over all windows at once, tap by tap, in float64.

The taps of all windows are a table of flat indices into the plane. Pooling gathers at them; its
transposes scatter-add. Fast enough for sizes larger than a kernel's tiles.
"""

from __future__ import annotations

import numpy as np

from kernels.contract.geometry import PoolGeometry

OFF = -1
"""The index of a tap outside the plane."""


def places(g: PoolGeometry) -> np.ndarray:
    """(RS,P,Q): h W + w of every tap of every window, in row-major order; OFF outside the plane."""
    h, w = _lines(g, 0), _lines(g, 1)
    there = _on(h, g.H)[:, None, :, None] & _on(w, g.W)[None, :, None, :]  # (R,S,P,Q)
    flat = np.where(there, h[:, None, :, None] * g.W + w[None, :, None, :], OFF)
    return flat.reshape(-1, g.P, g.Q)  # (R,S,P,Q) -> (RS,P,Q)


def _lines(g: PoolGeometry, axis: int) -> np.ndarray:
    """(R,P) rows or (S,Q) columns of the taps of the windows, also those outside the plane."""
    taps, windows = ((g.R, g.P), (g.S, g.Q))[axis]
    first = np.arange(windows) * g.stride[axis] - g.padding[2 * axis]
    return first + np.arange(taps)[:, None] * g.dilation[axis]


def _on(lines: np.ndarray, size: int) -> np.ndarray:
    return (lines >= 0) & (lines < size)


def taps(x: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """x (N,C,H,W) -> (N,C,RS,P,Q): the pixel at each tap; an arbitrary one outside the plane."""
    return x.reshape(g.N, g.C, g.H * g.W)[:, :, places(g)]  # (N,C,HW) -> (N,C,RS,P,Q)


def at(x: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """(N,C,P,Q): the values of x (N,C,H,W) at the switches (N,C,P,Q)."""
    planes = x.reshape(g.N, g.C, g.H * g.W)  # (N,C,H,W) -> (N,C,HW)
    return planes[_index(switches)]


def max_pool2d(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    """The largest of each window, the first of equals, NaN above all; and its switch."""
    y, switches = np.full(g.y_shape, -np.inf), np.full(g.y_shape, OFF, np.int32)
    values = taps(x.astype(np.float64), g)
    for tap, here in enumerate(places(g)):
        value = values[:, :, tap]
        larger = (value > y) | (np.isnan(value) & ~np.isnan(y)) | (switches == OFF)
        better = larger & (here != OFF)
        y, switches = np.where(better, value, y), np.where(better, here, switches)
    return y, switches.astype(np.int32)


def max_unpool2d(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q) scattered to its switches, with NumPy's ways to write repeated indices."""
    values, index = y.astype(np.float64), _index(switches)
    x = np.zeros((g.N, g.C, g.H * g.W))
    if collisions == "sum":
        np.add.at(x, index, values)
    elif collisions == "last":
        x[index] = values  # of repeated indices the last is kept
    else:
        x[index] = -np.inf
        with np.errstate(invalid="ignore"):
            np.maximum.at(x, index, values)
    return x.reshape(g.x_shape)  # (N,C,HW) -> (N,C,H,W)


def _index(switches: np.ndarray) -> tuple[np.ndarray, ...]:
    """The index of the switches (N,C,P,Q) in planes (N,C,HW)."""
    n, c = np.ogrid[: switches.shape[0], : switches.shape[1]]
    return n[..., None, None], c[..., None, None], switches


def max_unpool2d_vjp(x: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """x (N,C,H,W) gathered at the switches."""
    return at(x.astype(np.float64), switches, g)


def avg_pool2d(x: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """x (N,C,H,W) -> (N,C,P,Q): the sum of each window divided by its counted taps."""
    there = places(g) != OFF
    return np.where(there, taps(x.astype(np.float64), g), 0).sum(axis=2) / counts(g)


def avg_pool2d_vjp(gy: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gy (N,C,P,Q) -> (N,C,H,W): each window's gradient, divided, scatter-added to its taps."""
    gx, share = np.zeros((g.H * g.W, g.N, g.C)), gy.astype(np.float64) / counts(g)
    for here in places(g):
        np.add.at(gx, here[here != OFF], share[:, :, here != OFF].transpose(2, 0, 1))
    return gx.transpose(1, 2, 0).reshape(g.x_shape)  # (HW,N,C) -> (N,C,H,W)


def counts(g: PoolGeometry) -> np.ndarray:
    """(P,Q): the number of taps of each window in the plane, or in the padded plane."""
    ends = (g.padding[1], g.padding[3]) if g.count_include_pad else (0, 0)
    counted = []
    for axis, size in enumerate((g.H, g.W)):
        lines = _lines(g, axis)
        after = lines < size + ends[axis]
        counted.append((after if g.count_include_pad else after & (lines >= 0)).sum(axis=0))
    return np.multiply.outer(*counted)
