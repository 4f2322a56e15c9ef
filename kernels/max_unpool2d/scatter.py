"""Unpooling by its definition: each value is written to the pixel of its switch, others are 0.

    x[n,c,h,w] = y[n,c,p,q] where switch[n,c,p,q] = h W + w

(Zeiler, Fergus 2013, section 2.1.) Overlapping windows can share a maximum; the paper does not
define this case.
    collisions="sum":  contributions are added: the transpose of pooling, and its gradient
    collisions="max":  the largest contribution stays (NaN counts as the largest)
    collisions="last": the contribution of the last window in row order stays
N C P Q moves after writing N C H W zeros; bound by memory. A thread processes whole images.
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

COLLISIONS = ("sum", "max", "last")


def nanoseconds(problem: Problem) -> float:
    """The values, moved one at a time, and the zeros."""
    g = problem.geometry
    return 0.6 * math.prod(g.y_shape) + 0.19 * math.prod(g.x_shape)


@kernel("max_unpool2d", name="scatter", cost=Cost(nanoseconds))
def forward(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q), switches (N,C,P,Q) int32 -> x (N,C,H,W)."""
    x = memory.empty(g.x_shape, y.dtype, "NHWC")
    planes = memory.nhwc(x).reshape(g.N, g.H * g.W, g.C)  # (N,H,W,C) -> (N,HW,C), x's own memory
    if y.size:
        _scatter(memory.nhwc(y), memory.nhwc(switches), planes, COLLISIONS.index(collisions))
    else:
        x[...] = 0
    return x


@entry_point(parallel=True)
def _scatter(y, switches, planes, collisions):  # type: ignore[no-untyped-def]
    N, P, Q, C = y.shape
    for n in numba.prange(N):
        planes[n] = 0
        if collisions == 1:
            # The first value must replace the initial zero, even if it is negative. NaN is a
            # possible value and cannot mark an empty pixel, so writes are counted.
            visited = np.zeros(planes.shape[1:], np.bool_)
        for p in range(P):
            for q in range(Q):
                for c in range(C):
                    here, value = switches[n, p, q, c], y[n, p, q, c]
                    if collisions == 0:
                        planes[n, here, c] += value
                    elif collisions == 2:
                        planes[n, here, c] = value
                    else:
                        best = planes[n, here, c]
                        # `not <=` is true for a NaN value too; a NaN best stays.
                        if not visited[here, c] or (not (value <= best) and best == best):
                            planes[n, here, c] = value
                            visited[here, c] = True
