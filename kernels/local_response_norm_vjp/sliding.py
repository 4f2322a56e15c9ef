"""Gradient of local response normalisation, a pixel at a time.

    gx_c = gy_c / t_c^beta - 2 alpha beta / size x_c sum_{c' = c - after}^{c + before} r_c',
    r_c = gy_c x_c / t_c^(beta + 1)

The windows that contain channel c are centred on the channels of the mirrored window, over which r
is summed. t is computed again from x as in `local_response_norm/sliding.py` (Krizhevsky et al.
2012): a pixel's channels stay in cache. 2 size + 14 operations and 3 values moved per element;
limited by roots and quotients if the data are in cache, else by memory.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Cost
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.registry import kernel
from kernels.local_response_norm.sliding import powers, settings, window_sums


@kernel(
    "local_response_norm_vjp",
    name="sliding",
    cost=Cost(lambda problem: 5.5 * math.prod(problem.geometry.x_shape)),
)
def vjp(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W) float32 or float64 -> gx (N,C,H,W); sums and powers in their type."""
    gx = memory.empty(g.x_shape, x.dtype, "NHWC")
    if gx.size:
        arrays = (memory.nhwc(gy), memory.nhwc(x), memory.nhwc(gx))
        slope = x.dtype.type(-2 * g.alpha * g.beta / g.size)
        _gradient(*arrays, g.before, g.after, slope, *settings(g, x.dtype))
    return gx


@entry_point(parallel=True)
def _gradient(gy, x, gx, before, after, slope, k, scale, beta):  # type: ignore[no-untyped-def]
    N, H, W, C = x.shape
    size = before + after + 1
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        squares = np.zeros(C + size - 1, x.dtype)  # zeros around it: the window is clipped to C
        ratios = np.zeros(C + size - 1, x.dtype)
        t, power, sums = np.empty(C, x.dtype), np.empty(C, x.dtype), np.empty(C, x.dtype)
        for w in range(W):
            for c in range(C):
                squares[before + c] = x[n, h, w, c] * x[n, h, w, c]
            window_sums(squares, size, t)
            for c in range(C):
                t[c] = k + scale * t[c]
            powers(t, beta, power)
            for c in range(C):
                ratios[after + c] = gy[n, h, w, c] * x[n, h, w, c] / (power[c] * t[c])
            window_sums(ratios, size, sums)
            for c in range(C):
                gx[n, h, w, c] = gy[n, h, w, c] / power[c] + slope * x[n, h, w, c] * sums[c]
