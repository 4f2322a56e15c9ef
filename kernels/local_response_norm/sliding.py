"""Local response normalisation across channels, a pixel at a time.

    y_c = x_c / t_c^beta,   t_c = k + alpha / size * sum_{c' = c - before}^{c + after} x_c'^2

(Krizhevsky et al., NeurIPS 2012, section 3.3; alpha divided by size and the window of an even size
as in ONNX's LRN.) Each window is summed anew: a running sum that adds one square and subtracts
another would keep the rounding error of a large one after it has left. size + 6 operations and 2
values moved per element; limited by roots and quotients if the data are in cache, else by memory.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.declarations import Cost
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.registry import kernel


@kernel(
    "local_response_norm",
    name="sliding",
    cost=Cost(lambda problem: 3.5 * math.prod(problem.geometry.x_shape)),
)
def forward(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """x (N,C,H,W) float32 or float64 -> y (N,C,H,W); sums and powers are in x's type.

    Nothing is saved for the vjp: it sums the few squares again, which is faster than reading t.
    """
    y = memory.empty(g.x_shape, x.dtype, "NHWC")
    if y.size:
        _normalise(memory.nhwc(x), memory.nhwc(y), g.before, g.size, *settings(g, x.dtype))
    return y


def settings(g: LRNGeometry, dtype: np.dtype) -> tuple[np.floating, np.floating, np.floating]:
    """(k, alpha / size, beta) as scalars of `dtype`: a wider type would promote the whole loop."""
    return dtype.type(g.k), dtype.type(g.alpha / g.size), dtype.type(g.beta)


@subroutine
def window_sums(values, size, sums):  # type: ignore[no-untyped-def]
    """sums (C,) of every `size` neighbours in values (C + size - 1,)."""
    for c in range(sums.size):
        sums[c] = values[c]
    for tap in range(1, size):
        for c in range(sums.size):
            sums[c] += values[c + tap]


@subroutine
def powers(t, beta, out):  # type: ignore[no-untyped-def]
    """out (C,) = t^beta; the usual beta = 3/4 is two roots, which vectorise, unlike `pow`."""
    if beta == 0.75:
        for c in range(t.size):
            root = np.sqrt(t[c])
            out[c] = root * np.sqrt(root)
    else:
        for c in range(t.size):
            out[c] = t[c] ** beta


@entry_point(parallel=True)
def _normalise(x, y, before, size, k, scale, beta):  # type: ignore[no-untyped-def]
    N, H, W, C = x.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        squares = np.zeros(C + size - 1, x.dtype)  # zeros around it: the window is clipped to C
        t, power = np.empty(C, x.dtype), np.empty(C, x.dtype)
        for w in range(W):
            for c in range(C):
                squares[before + c] = x[n, h, w, c] * x[n, h, w, c]
            window_sums(squares, size, t)
            for c in range(C):
                t[c] = k + scale * t[c]
            powers(t, beta, power)
            for c in range(C):
                y[n, h, w, c] = x[n, h, w, c] / power[c]
