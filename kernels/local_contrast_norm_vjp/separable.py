"""Gradient of local contrast normalisation, with the transposed separable blur.

    gx_i = gy_i / d + a v_i - blur^T(sum_i gy_i / d + a sum_i v_i) / C
    a = 2/C blur^T(gs / (2 sigma))

where d = max(c, sigma, floor), and gs, the gradient of sigma, comes from -sum_i gy_i v_i / d^2:
at the same position where sigma is the largest, spread evenly over the sample where c is. One pass
reads gy and x for sums over channels, a second writes gx; all else are maps of one value per pixel.
12 operations and 5 values moved per element: bound by memory.

At ties sigma wins over c, and c over the floor. Where sigma is 0 its derivative is taken as 0.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Cost
from kernels.contract.norm_geometry import LCNGeometry
from kernels.contract.registry import kernel
from kernels.cpu.blur import blur_transposed
from kernels.local_contrast_norm.separable import Saved, divisor


@kernel(
    "local_contrast_norm_vjp",
    name="separable",
    cost=Cost(lambda problem: 3.0 * math.prod(problem.geometry.x_shape)),
)
def vjp(gy: np.ndarray, x: np.ndarray, saved: Saved, g: LCNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W), `saved` as any forward kernel returned it -> gx (N,C,H,W).

    float32 or float64; gx is of x's type, every sum and intermediate value is float64.
    """
    gx = memory.empty(g.x_shape, x.dtype, "NHWC")
    if gx.size == 0:
        return gx
    m, sigma = saved
    gy_sum, gy_v_sum, v_sum = (memory.empty(g.plane_shape, np.float64) for _ in range(3))
    _sums(memory.nhwc(gy), memory.nhwc(x), m, gy_sum, gy_v_sum, v_sum)
    with np.errstate(invalid="ignore", over="ignore"):  # infinities of x become NaN
        d = divisor(sigma, g)
        a = 2 / g.C * blur_transposed(_through_root(-gy_v_sum / d / d, sigma, g), g)
        b = blur_transposed(gy_sum / d + a * v_sum, g) / g.C
    _combine(memory.nhwc(gy), memory.nhwc(x), m, d, a, b, memory.nhwc(gx))
    return gx


def _through_root(gd: np.ndarray, sigma: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """The gradient of sigma^2 from that of the divisor; all (N,H,W)."""
    c = sigma.mean(axis=(1, 2), keepdims=True)
    sigma_wins = sigma >= np.maximum(c, g.floor)
    c_wins = ~sigma_wins & (c >= g.floor)
    to_c = np.where(c_wins, gd, 0).sum(axis=(1, 2), keepdims=True)  # (N,H,W) -> (N,1,1)
    to_sigma = np.where(sigma_wins, gd, 0) + to_c / (g.H * g.W)
    return np.divide(to_sigma, 2 * sigma, out=np.zeros_like(sigma), where=sigma != 0)


@entry_point(parallel=True, fastmath={"reassoc", "contract", "nsz"})
def _sums(gy, x, m, gy_sum, gy_v_sum, v_sum):  # type: ignore[no-untyped-def]
    """Sums over channels of gy, gy v and v, with v = x - m; gy and x are (N,H,W,C)."""
    N, H, W, C = x.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        for w in range(W):
            centre = m[n, h, w]
            first, second, third = 0.0, 0.0, 0.0
            for c in range(C):
                gradient = np.float64(gy[n, h, w, c])
                v = np.float64(x[n, h, w, c]) - centre
                first += gradient
                second += gradient * v
                third += v
            gy_sum[n, h, w], gy_v_sum[n, h, w], v_sum[n, h, w] = first, second, third


@entry_point(parallel=True)
def _combine(gy, x, m, d, a, b, gx):  # type: ignore[no-untyped-def]
    N, H, W, C = x.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        for w in range(W):
            centre, factor, slope, shift = m[n, h, w], 1 / d[n, h, w], a[n, h, w], b[n, h, w]
            for c in range(C):
                v = np.float64(x[n, h, w, c]) - centre
                gx[n, h, w, c] = np.float64(gy[n, h, w, c]) * factor + slope * v - shift
