"""Transpose of unpooling: a gather of the value at each switch.

    gy[n,c,p,q] = gx[n, c, switch[n,c,p,q]]

For collisions="sum" this is the gradient of unpooling. N C P Q moves; bound by memory.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import kernel
from kernels.cpu.prefetch import far, touch_rows


@kernel(
    "max_unpool2d_vjp",
    name="gather",
    cost=Cost(lambda problem: 1.1 * math.prod(problem.geometry.y_shape)),
)
def vjp(gx: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gx (N,C,H,W), switches (N,C,P,Q) int32 -> gy (N,C,P,Q)."""
    gy = memory.empty(g.y_shape, gx.dtype, "NHWC")
    planes = memory.nhwc(gx).reshape(g.N, g.H * g.W, g.C)  # (N,H,W,C) -> (N,HW,C)
    if gy.size:
        rows = g.extent[0], g.stride[0], g.padding[0]
        _gather(planes, memory.nhwc(gx), memory.nhwc(switches), memory.nhwc(gy), rows, far(gx))
    return gy


@entry_point(parallel=True)
def _gather(planes, gx, switches, gy, rows, distance):  # type: ignore[no-untyped-def]
    """gy (N,P,Q,C) from gx (N,H,W,C) as planes (N,HW,C); rows: of a window, stride, padding."""
    N, P, Q, C = gy.shape
    R, stride, above = rows
    for row in numba.prange(N * P):
        n, p = row // P, row % P
        if distance:
            touch_rows(gx, n, p * stride - above, p * stride - above + R)
        for q in range(Q):
            for c in range(C):
                gy[n, p, q, c] = planes[n, switches[n, p, q, c], c]
