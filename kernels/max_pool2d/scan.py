"""Max-pooling with switches, by scanning each window. The simplest kernel.

    y[n,c,p,q] = max over the window of x;  switch[n,c,p,q] = h W + w of that maximum

A switch is a flat index into the input's plane (Zeiler, Fergus 2013, section 2.1). Ties go to the
first in row order; NaN counts as larger than any number, so it is not lost, and the first NaN wins.
Padding is never chosen. N C P Q R S comparisons, N C (H W + 2 P Q) values moved; bound by memory.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel


def nanoseconds(problem: Problem) -> float:
    """Half a nanosecond for each tap of each window and channel."""
    g = problem.geometry
    return 0.5 * g.R * g.S * math.prod(g.y_shape)


@kernel("max_pool2d", name="scan", cost=Cost(nanoseconds))
def forward(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W) -> y (N,C,P,Q) of x's type, switches (N,C,P,Q) int32."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    switches = memory.empty(g.y_shape, np.int32, "NHWC")
    if y.size:
        arrays = memory.nhwc(x), memory.nhwc(y), memory.nhwc(switches)
        _scan(*arrays, g.R, g.S, g.stride, g.padding, g.dilation)
    return y, switches


@entry_point(parallel=True)
def _scan(x, y, switches, R, S, stride, padding, dilation):  # type: ignore[no-untyped-def]
    N, P, Q, C = y.shape
    _, H, W, _ = x.shape
    for row in numba.prange(N * P):
        n, p = row // P, row % P
        for q in range(Q):
            first = True
            for r in range(R):
                h = p * stride[0] - padding[0] + r * dilation[0]
                for s in range(S):
                    w = q * stride[1] - padding[2] + s * dilation[1]
                    if 0 <= h < H and 0 <= w < W:
                        here = np.int32(h * W + w)
                        if first:
                            for c in range(C):
                                y[n, p, q, c] = x[n, h, w, c]
                                switches[n, p, q, c] = here
                            first = False
                        else:
                            for c in range(C):
                                value, best = x[n, h, w, c], y[n, p, q, c]
                                # `not <=` is true for a NaN value too; a NaN best stays.
                                better = not (value <= best) and best == best
                                y[n, p, q, c] = value if better else best
                                switches[n, p, q, c] = here if better else switches[n, p, q, c]
