"""The three convolutions as a sum over the taps of the window, in float64 or a wider type.

    sum over r, s of w[:, :, r, s] times a shifted view of x

For each tap (r, s) a matrix product over the channels is left. In `WIDE`, on x86-64, additions
round at 2^-64: more precise than any result that is compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry

WIDE = np.longdouble
"""NumPy's widest type."""


def conv2d(x: np.ndarray, w: np.ndarray, g: ConvGeometry, dtype: Any = np.float64) -> np.ndarray:
    """x (N,C,H,W), w (K,C/G,R,S) -> y (N,K,P,Q)."""
    planes, inner = padded(g, dtype)
    planes[inner] = x
    filters, y = _filters(w, g, dtype), _grouped(np.zeros(g.y_shape, dtype), g)
    for r, s in np.ndindex(g.R, g.S):
        # (G,K/G,C/G) x (N,G,C/G,PQ) -> (N,G,K/G,PQ)
        y += filters[..., r, s] @ _grouped(under_tap(planes, g, r, s), g)
    return y.reshape(g.y_shape)  # (N,G,K/G,PQ) -> (N,K,P,Q)


def conv2d_dgrad(
    gy: np.ndarray, w: np.ndarray, g: ConvGeometry, dtype: Any = np.float64
) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/G,R,S) -> gx (N,C,H,W)."""
    planes, inner = padded(g, dtype)
    filters, gy = _filters(w, g, dtype), _grouped(gy.astype(dtype), g)
    for r, s in np.ndindex(g.R, g.S):
        view = under_tap(planes, g, r, s)
        # (G,C/G,K/G) x (N,G,K/G,PQ) -> (N,G,C/G,PQ) -> (N,C,P,Q)
        view += (filters[..., r, s].swapaxes(1, 2) @ gy).reshape(view.shape)
    return planes[inner]


def conv2d_wgrad(
    x: np.ndarray, gy: np.ndarray, g: ConvGeometry, dtype: Any = np.float64
) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/G,R,S)."""
    planes, inner = padded(g, dtype)
    planes[inner] = x
    gy, gw = _grouped(gy.astype(dtype), g), np.zeros(g.w_shape, dtype)
    for r, s in np.ndindex(g.R, g.S):
        pixels = _grouped(under_tap(planes, g, r, s), g).swapaxes(2, 3)
        products = (gy @ pixels).sum(axis=0)  # (N,G,K/G,PQ) x (N,G,PQ,C/G) -> (G,K/G,C/G)
        gw[:, :, r, s] = products.reshape(g.w_shape[:2])  # (G,K/G,C/G) -> (K,C/G)
    return gw


Definition = Callable[..., np.ndarray]
DEFINITIONS: dict[str, Definition] = {
    "conv2d": conv2d,
    "conv2d_dgrad": conv2d_dgrad,
    "conv2d_wgrad": conv2d_wgrad,
}
"""By the name of the operation."""


def padded(g: ConvGeometry, dtype: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Zeros of the padded planes' size, and the index of the planes in them.

    Padding below 0 crops; it cuts nothing off here, but moves the first window (`under_tap`).
    """
    top, bottom, left, right = (max(pad, 0) for pad in g.padding)
    planes = np.zeros((g.N, g.C, g.H + top + bottom, g.W + left + right), dtype)
    return planes, (..., slice(top, top + g.H), slice(left, left + g.W))


def under_tap(planes: np.ndarray, g: ConvGeometry, r: int, s: int) -> np.ndarray:
    """The view (N,C,P,Q) of padded planes: the pixels under tap (r, s) of every window."""
    h = max(-g.padding[0], 0) + r * g.dilation[0]
    w = max(-g.padding[2], 0) + s * g.dilation[1]
    rows = slice(h, h + (g.P - 1) * g.stride[0] + 1, g.stride[0])
    columns = slice(w, w + (g.Q - 1) * g.stride[1] + 1, g.stride[1])
    return planes[:, :, rows, columns]


def _filters(w: np.ndarray, g: ConvGeometry, dtype: Any) -> np.ndarray:
    shape = g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S
    return w.astype(dtype).reshape(shape)  # (K,C/G,R,S) -> (G,K/G,C/G,R,S)


def _grouped(a: np.ndarray, g: ConvGeometry) -> np.ndarray:
    N, channels, *pixels = a.shape
    shape = N, g.groups, channels // g.groups, math.prod(pixels)
    return a.reshape(shape)  # (N,C,P,Q) -> (N,G,C/G,PQ)
