"""Average pooling by scanning each window.

    y[n,c,p,q] = sum over the window's taps on the plane of x / divisor[p,q]

The divisor is the number of taps on the plane, or on plane and padding (`count_include_pad`).
N C P Q R S additions in the type of x, N C (H W + P Q) values moved; bound by memory.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import kernel


def terms(g: PoolGeometry) -> float:
    """R S additions and a division by a divisor rounded to the type."""
    return g.R * g.S + 2


def bind(x: np.ndarray, g: PoolGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    divisors = g.divisors().astype(x.dtype)
    window = g.R, g.S, g.stride, g.padding, g.dilation
    return partial(_average, memory.nhwc(x), memory.nhwc(y), divisors, *window)


@kernel(
    "avg_pool2d",
    name="scan",
    accuracy=Accuracy(bound=terms),
    cost=Cost(lambda problem: 1.0),
    abilities=Abilities(into=True, bind=bind),
)
def forward(x: np.ndarray, g: PoolGeometry, *, out: np.ndarray | None = None) -> np.ndarray:
    """x (N,C,H,W) -> y (N,C,P,Q)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC") if out is None else out
    if y.size:
        bind(x, g, y, Options())()
    return y


@entry_point(parallel=True)
def _average(x, y, divisors, R, S, stride, padding, dilation):  # type: ignore[no-untyped-def]
    N, P, Q, C = y.shape
    _, H, W, _ = x.shape
    for row in numba.prange(N * P):
        n, p = row // P, row % P
        y[n, p] = 0
        for q in range(Q):
            for r in range(R):
                h = p * stride[0] - padding[0] + r * dilation[0]
                for s in range(S):
                    w = q * stride[1] - padding[2] + s * dilation[1]
                    if 0 <= h < H and 0 <= w < W:
                        for c in range(C):
                            y[n, p, q, c] += x[n, h, w, c]
            for c in range(C):
                y[n, p, q, c] /= divisors[p, q]
