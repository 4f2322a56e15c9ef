"""Max-pooling, unpooling, averages and their transposes, tap by tap of the window, in float64.

A table holds the place h W + w of every tap of every window on the plane. Pooling reads at these
places, its transposes add there. Planes (...,H,W) may have any leading axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from kernels.contract.geometry import PoolGeometry

OFF = -1
"""The place of a tap that is on no pixel."""


def places(g: PoolGeometry) -> np.ndarray:
    """(RS,P,Q): h W + w of every tap of every window, in row order; OFF outside the plane."""
    h, w = _lines(g, 0), _lines(g, 1)
    there = _on(h, g.H)[:, None, :, None] & _on(w, g.W)[None, :, None, :]  # (R,S,P,Q)
    flat = np.where(there, h[:, None, :, None] * g.W + w[None, :, None, :], OFF)
    return flat.reshape(-1, g.P, g.Q)  # (R,S,P,Q) -> (RS,P,Q)


def _lines(g: PoolGeometry, axis: int) -> np.ndarray:
    """(R,P) rows or (S,Q) columns of the windows' taps, outside the plane too."""
    taps, windows = ((g.R, g.P), (g.S, g.Q))[axis]
    first = np.arange(windows) * g.stride[axis] - g.padding[2 * axis]
    return first + np.arange(taps)[:, None] * g.dilation[axis]


def _on(lines: np.ndarray, size: int) -> np.ndarray:
    return (lines >= 0) & (lines < size)


def by_tap(x: np.ndarray, g: PoolGeometry) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each tap its places (P,Q) and the values (...,P,Q) of x (...,H,W) there; any value
    where the place is OFF."""
    flat = x.reshape(*x.shape[:-2], g.H * g.W)  # (...,H,W) -> (...,HW)
    for here in places(g):
        yield here, flat[..., here]


def max_pool2d(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    """x (...,H,W) -> the largest of each window (...,P,Q), the first of equals, NaN above all; and
    its place, int32."""
    y = np.full((*x.shape[:-2], g.P, g.Q), -np.inf)
    switches = np.full(y.shape, OFF, np.int32)
    for here, value in by_tap(x.astype(np.float64), g):
        larger = (value > y) | (np.isnan(value) & ~np.isnan(y)) | (switches == OFF)
        better = larger & (here != OFF)
        np.copyto(y, value, where=better)
        np.copyto(switches, here.astype(np.int32), where=better)
    return y, switches


def max_unpool2d(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (...,P,Q) at its switches (...,P,Q) of planes (...,H,W); where several windows have the
    same switch, their sum, the largest ("max") or the last."""
    leading = y.shape[:-2]
    planes, pixels = math.prod(leading), g.H * g.W
    shape = planes, g.P * g.Q
    # (...,P,Q) -> (planes,PQ) -> (planes PQ)
    index = (switches.reshape(shape) + pixels * np.arange(planes)[:, None]).reshape(-1)
    values, x = y.astype(np.float64).reshape(-1), np.zeros(planes * pixels)
    if collisions == "sum":
        np.add.at(x, index, values)
    elif collisions == "last":
        x[index] = values  # of several the last is left
    else:
        x[index] = -np.inf
        with np.errstate(invalid="ignore"):
            np.maximum.at(x, index, values)
    return x.reshape(*leading, g.H, g.W)  # (planes HW) -> (...,H,W)


def max_unpool2d_vjp(x: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """(...,P,Q): the values of x (...,H,W) at the switches (...,P,Q)."""
    flat = x.astype(np.float64).reshape(*x.shape[:-2], g.H * g.W)  # (...,H,W) -> (...,HW)
    index = switches.reshape(*x.shape[:-2], g.P * g.Q)  # (...,P,Q) -> (...,PQ)
    return np.take_along_axis(flat, index, -1).reshape(switches.shape)  # (...,PQ) -> (...,P,Q)


def avg_pool2d(x: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """x (...,H,W) -> (...,P,Q): the sum of each window over how many of its taps count."""
    total = np.zeros((*x.shape[:-2], g.P, g.Q))
    for here, value in by_tap(x.astype(np.float64), g):
        total += np.where(here != OFF, value, 0)
    return total / counts(g)


def avg_pool2d_vjp(gy: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gy (...,P,Q) -> (...,H,W): a share of each window's gradient on its every tap."""
    gx, share = np.zeros((g.H * g.W, *gy.shape[:-2])), gy.astype(np.float64) / counts(g)
    for here in places(g):
        np.add.at(gx, here[here != OFF], np.moveaxis(share[..., here != OFF], -1, 0))
    return np.moveaxis(gx, 0, -1).reshape(*gy.shape[:-2], g.H, g.W)  # (HW,...) -> (...,H,W)


def counts(g: PoolGeometry) -> np.ndarray:
    """(P,Q): how many taps of a window are on the plane, or on its padding too."""
    ends = (g.padding[1], g.padding[3]) if g.count_include_pad else (0, 0)
    counted = []
    for axis, size in enumerate((g.H, g.W)):
        lines = _lines(g, axis)
        after = lines < size + ends[axis]
        counted.append((after if g.count_include_pad else after & (lines >= 0)).sum(axis=0))
    return np.multiply.outer(*counted)
