"""Patches, concatenation and plane maxima as nested loops in float64: the definitions."""

from __future__ import annotations

import numpy as np

from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry


def patches_gather(
    x: np.ndarray,
    at: np.ndarray,
    part: np.ndarray,
    part_at: np.ndarray,
    g: PatchGeometry,
    *,
    fill: float = 0.0,
) -> np.ndarray:
    """Patches of the planes x (N or 1,C,H,W) with overlays (N,C,a,b); `fill` outside the plane."""
    y = np.full(g.y_shape, float(fill))
    for n, i, j in np.ndindex(g.N, g.h, g.w):
        h, w = (int(v) for v in at[n] + (i, j))  # the pixel's place in the plane
        a, b = (int(v) for v in at[n] + (i, j) - part_at[n])  # and in the part
        if 0 <= h < g.H and 0 <= w < g.W:
            over = 0 <= a < g.a and 0 <= b < g.b
            y[n, :, i, j] = part[n, :, a, b] if over else x[min(n, g.planes - 1), :, h, w]
    return y


def patches_fill(
    x: np.ndarray, at: np.ndarray, g: PatchGeometry, *, fill: float = 0.0
) -> np.ndarray:
    """The patches x (N,C,h,w), `fill` where a pixel lies outside of the plane of H x W pixels."""
    y = np.full(g.y_shape, float(fill))
    for n, i, j in np.ndindex(g.N, g.h, g.w):
        h, w = (int(v) for v in at[n] + (i, j))
        if 0 <= h < g.H and 0 <= w < g.W:
            y[n, :, i, j] = x[n, :, i, j]
    return y


def concatenate(*operands: np.ndarray | ConcatenateGeometry) -> np.ndarray:
    """Arrays (N,Ci,H,W), and the geometry as the last operand: y (N, sum of Ci, H, W)."""
    *arrays, g = operands
    assert isinstance(g, ConcatenateGeometry)
    y, first = np.zeros(g.y_shape), 0
    for x, C in zip(arrays, g.channels, strict=True):
        assert isinstance(x, np.ndarray)
        for n, c, h, w in np.ndindex(g.N, C, g.H, g.W):
            y[n, first + c, h, w] = float(x[n, c, h, w])
        first += C
    return y


def plane_max(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each plane's maximum and its place h W + w, the first of equals.

    No comparison with NaN is true, so a NaN is the maximum only if it is the first pixel.
    """
    N, C, H, W = x.shape
    values, places = np.zeros((N, C)), np.zeros((N, C), np.int32)
    for n, c in np.ndindex(N, C):
        best = 0, 0
        for h, w in np.ndindex(H, W):
            if x[n, c, h, w] > x[n, c, best[0], best[1]]:
                best = h, w
        values[n, c], places[n, c] = float(x[n, c, best[0], best[1]]), best[0] * W + best[1]
    return values, places
