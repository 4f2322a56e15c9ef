"""Patches gathered row by row from planes that are overlaid with smaller parts.

    y[n,c,i,j] = part[n,c,...] where a part covers that pixel, else x[n,c,row,column] inside of
    the plane, else `fill`;   (row, column) = at[n] + (i, j)

A unit's receptive field is a patch of the image; what a covered square changes is a patch of each
layer. No arithmetic: each value of the result is read and written once, memory is the limit. A
thread takes rows of patches.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.plane_geometry import PatchGeometry
from kernels.contract.registry import kernel


@kernel("patches_gather", name="rows", cost=lambda g: 0.5 * math.prod(g.y_shape))
def forward(
    x: np.ndarray,
    at: np.ndarray,
    part: np.ndarray,
    part_at: np.ndarray,
    g: PatchGeometry,
    *,
    fill: float = 0.0,
) -> np.ndarray:
    """x (N or 1,C,H,W), part (N,C,a,b), their origins at and part_at (N,2) -> y (N,C,h,w)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    part_first, first = (np.ascontiguousarray(a, np.int64) for a in (part_at, at))
    planes, parts, patches = (memory.nhwc(a) for a in (x, part, y))
    _gather(planes, parts, patches, part_first, first, x.dtype.type(fill))
    return y


@entry_point(parallel=True)
def _gather(x, part, y, part_at, at, fill):  # type: ignore[no-untyped-def]
    """y (N,h,w,C) of x (N or 1,H,W,C) under part (N,a,b,C)."""
    N, h, w, C = y.shape
    H, W = x.shape[1:3]
    for row in numba.prange(N * h):
        n, i = row // h, row % h
        r, m = at[n, 0] + i, n if len(x) > 1 else 0
        a = r - part_at[n, 0]
        for j in range(w):
            s = at[n, 1] + j
            b = s - part_at[n, 1]
            if r < 0 or r >= H or s < 0 or s >= W:
                for c in range(C):
                    y[n, i, j, c] = fill
            elif 0 <= a < part.shape[1] and 0 <= b < part.shape[2]:
                for c in range(C):
                    y[n, i, j, c] = part[n, a, b, c]
            else:
                for c in range(C):
                    y[n, i, j, c] = x[m, r, s, c]
