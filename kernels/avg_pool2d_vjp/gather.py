"""Transpose of average pooling: each pixel gathers from the windows that contain it.

    gx[n,c,h,w] = sum of gy[n,c,p,q] / divisor[p,q] over the windows with (h,w) among their taps

N C P Q R S additions in the type of gy, N C (H W + P Q) values moved; bound by memory. A thread
processes rows of pixels.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Accuracy
from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import kernel


def terms(g: PoolGeometry) -> float:
    """At most R S windows contain a pixel; for each a division by a rounded divisor."""
    return g.R * g.S + 2


@kernel("avg_pool2d_vjp", name="gather", accuracy=Accuracy(bound=terms))
def vjp(gy: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gy (N,C,P,Q) -> gx (N,C,H,W)."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    if gx.size:
        divisors = g.divisors().astype(gy.dtype)
        arrays = memory.nhwc(gy), memory.nhwc(gx), divisors
        _spread(*arrays, g.R, g.S, g.stride, g.padding, g.dilation)
    return gx


@entry_point(parallel=True)
def _spread(gy, gx, divisors, R, S, stride, padding, dilation):  # type: ignore[no-untyped-def]
    N, H, W, C = gx.shape
    _, P, Q, _ = gy.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        gx[n, h] = 0
        for r in range(R):
            p, remainder = divmod(h + padding[0] - r * dilation[0], stride[0])
            if remainder == 0 and 0 <= p < P:
                for q in range(Q):
                    for s in range(S):
                        w = q * stride[1] - padding[2] + s * dilation[1]
                        if 0 <= w < W:
                            for c in range(C):
                                gx[n, h, w, c] += gy[n, p, q, c] / divisors[p, q]
