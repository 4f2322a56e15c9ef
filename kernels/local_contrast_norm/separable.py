"""Local contrast normalisation with separable blurs, one map of each sample for each sum.

    m = blur(mean_i x_i),  v = x - m,  sigma = sqrt(blur(mean_i v_i^2))
    y = v / max(c, sigma, floor)

with c the mean of sigma over a sample's positions (Jarrett et al., ICCV 2009, section 2; Zeiler,
Fergus 2013, section 3). The window's weights do not depend on the channel, so both sums are a mean
over channels and a blur of one map. mean_i v_i^2 is the variance over channels plus (mean - m)^2:
one pass over x finds both, a second writes y. 8 operations and 3 values moved per element: bound by
memory.
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
from kernels.cpu.blur import blur

Saved = tuple[np.ndarray, np.ndarray]


@kernel(
    "local_contrast_norm",
    name="separable",
    cost=Cost(lambda problem: 2.0 * math.prod(problem.geometry.x_shape)),
)
def forward(x: np.ndarray, g: LCNGeometry) -> tuple[np.ndarray, Saved]:
    """x (N,C,H,W) -> y (N,C,H,W), and (m, sigma), each (N,H,W) float64, for any vjp kernel.

    float32 or float64; y is of x's type, every sum and intermediate value is float64. A sigma that
    is no larger than the rounding error of a flat region's is set to 0: there the derivative would
    be that of the rounding.
    """
    y = memory.empty(g.x_shape, x.dtype, "NHWC")
    if y.size == 0:
        return y, (np.zeros(g.plane_shape), np.zeros(g.plane_shape))
    mean, variance = (memory.empty(g.plane_shape, np.float64) for _ in range(2))
    _moments(memory.nhwc(x), mean, variance)
    m = blur(mean, g)
    _move(mean, m, variance)
    sigma = blur(variance, g)
    _root(m, _rounding(g), sigma)
    _normalise(memory.nhwc(x), m, divisor(sigma, g), memory.nhwc(y))
    return y, (m, sigma)


def divisor(sigma: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """max(c, sigma, floor), (N,H,W) float64; NaN in sigma reaches its whole sample through c."""
    return np.maximum(np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)), g.floor)


def _rounding(g: LCNGeometry) -> float:
    """Bound of |v| / |m| if x is flat.

    C + 1 roundings in the mean, 2 size in the blur, 2 size in the coverage that divides it, 3 for
    their products and quotient.
    """
    return float((g.C + 4 * g.size + 4) * np.finfo(np.float64).eps)


@entry_point(parallel=True, fastmath={"reassoc", "contract", "nsz"})
def _moments(x, mean, variance):  # type: ignore[no-untyped-def]
    """Mean and variance over the channels of x (N,H,W,C); a pixel's channels stay in cache."""
    N, H, W, C = x.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        for w in range(W):
            total = 0.0
            for c in range(C):
                total += np.float64(x[n, h, w, c])
            centre = total / C
            squares = 0.0
            for c in range(C):
                squares += (np.float64(x[n, h, w, c]) - centre) ** 2
            mean[n, h, w] = centre
            variance[n, h, w] = squares / C


@entry_point(parallel=True)
def _move(mean, m, variance):  # type: ignore[no-untyped-def]
    """variance <- the mean square about m, from that about the mean; all (N,H,W)."""
    N, H, W = mean.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        for w in range(W):
            variance[n, h, w] += (mean[n, h, w] - m[n, h, w]) ** 2


@entry_point(parallel=True)
def _root(m, rounding, sigma):  # type: ignore[no-untyped-def]
    """sigma <- its square root, (N,H,W); 0 where it is not above the rounding error."""
    N, H, W = sigma.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        for w in range(W):
            root = np.sqrt(sigma[n, h, w])
            sigma[n, h, w] = 0 if root <= rounding * abs(m[n, h, w]) else root


@entry_point(parallel=True)
def _normalise(x, m, d, y):  # type: ignore[no-untyped-def]
    N, H, W, C = x.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        for w in range(W):
            centre, factor = m[n, h, w], 1 / d[n, h, w]
            for c in range(C):
                y[n, h, w, c] = (np.float64(x[n, h, w, c]) - centre) * factor
