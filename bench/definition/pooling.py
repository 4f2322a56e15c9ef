"""Max-pooling, unpooling and its transpose in float64, for planes (...,H,W) of any number."""

from __future__ import annotations

import numpy as np

from bench.definition.convolution import taps
from kernels import PoolGeometry


def max_pool2d(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    """x (...,H,W) without NaN -> the largest of each window (...,P,Q) float64, and its switch int32
    h W + w; the first of equals in row order."""
    top, bottom, left, right = g.padding
    # With ceil_mode the last window may extend past the padding.
    rows = max(g.H + top + bottom, (g.P - 1) * g.stride[0] + g.extent[0])
    columns = max(g.W + left + right, (g.Q - 1) * g.stride[1] + g.extent[1])
    planes = np.full((*x.shape[:-2], rows, columns), -np.inf)
    planes[..., top : top + g.H, left : left + g.W] = x
    y = np.full((*x.shape[:-2], g.P, g.Q), -np.inf)
    switches = np.zeros(y.shape, np.int32)
    for r, s, pixels in taps(planes, g):
        larger = pixels > y
        y = np.where(larger, pixels, y)
        switches = np.where(larger, _places(g, r, s), switches)
    return y, switches


def _places(g: PoolGeometry, r: int, s: int) -> np.ndarray:
    """h W + w (P,Q) int32 of tap (r, s) of every window."""
    h = np.arange(g.P) * g.stride[0] - g.padding[0] + r * g.dilation[0]
    w = np.arange(g.Q) * g.stride[1] - g.padding[2] + s * g.dilation[1]
    return (h[:, None] * g.W + w).astype(np.int32)


def unpool(y: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """y (...,P,Q) scatter-added at its switches: (...,H,W) float64."""
    pixels, planes = g.H * g.W, y.size // (g.P * g.Q)
    index = switches.reshape(planes, -1) + pixels * np.arange(planes)[:, None]  # (planes,PQ)
    x = np.bincount(index.reshape(-1), y.reshape(-1), planes * pixels)  # (planes PQ,) each
    return x.reshape(*y.shape[:-2], g.H, g.W)  # (planes HW,) -> (...,H,W)


def gather(x: np.ndarray, switches: np.ndarray) -> np.ndarray:
    """x (...,H,W) gathered at switches (...,P,Q): the transpose of unpooling."""
    flat = x.reshape(*x.shape[:-2], -1)  # (...,H,W) -> (...,HW)
    # (...,P,Q) -> (...,PQ)
    found = np.take_along_axis(flat, switches.reshape(*flat.shape[:-1], -1), -1)
    return found.astype(np.float64).reshape(switches.shape)  # (...,PQ) -> (...,P,Q)
