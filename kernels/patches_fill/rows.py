"""Patches with a fill value where they reach outside of their plane, row by row.

    y[n,c,i,j] = x[n,c,i,j] where 0 <= row < H and 0 <= column < W, else `fill`;
    (row, column) = at[n] + (i, j)

This is a layer's padding where its input is a patch. No arithmetic: each value is read and written
once, memory is the limit. Linear with fill = 0, and its own transpose.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.plane_geometry import PatchGeometry
from kernels.contract.registry import kernel


@kernel("patches_fill", name="rows", cost=lambda g: 0.5 * math.prod(g.y_shape))
def forward(x: np.ndarray, at: np.ndarray, g: PatchGeometry, *, fill: float = 0.0) -> np.ndarray:
    """x (N,C,h,w) and each patch's origin in the plane of H x W pixels, at (N,2) -> y (N,C,h,w)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    origins = np.ascontiguousarray(at, np.int64)
    _fill(memory.nhwc(x), memory.nhwc(y), origins, g.H, g.W, x.dtype.type(fill))
    return y


@entry_point(parallel=True)
def _fill(x, y, at, H, W, fill):  # type: ignore[no-untyped-def]
    """y (N,h,w,C) of x (N,h,w,C)."""
    N, h, w, C = y.shape
    for row in numba.prange(N * h):
        n, i = row // h, row % h
        inside = 0 <= at[n, 0] + i < H
        for j in range(w):
            if inside and 0 <= at[n, 1] + j < W:
                for c in range(C):
                    y[n, i, j, c] = x[n, i, j, c]
            else:
                for c in range(C):
                    y[n, i, j, c] = fill
