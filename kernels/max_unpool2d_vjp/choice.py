"""Transpose of unpooling: each window selects the tap of its switch, by comparison.

    gy[n,c,p,q] = gx[n,c,h,w] at the tap (h, w) with h W + w = switch[n,c,p,q]

`gather.py` follows every switch, one element at a time. Here the switches of a block of channels
are compared with all taps of their window, in registers (`kernels/cpu/taps.py`); so each switch
must be inside its own window. N C P Q R S comparisons, N C (H W + 2 P Q) values moved; bound by
memory.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.places import on_plane
from kernels.cpu.prefetch import far, touch_rows
from kernels.cpu.taps import channels, gathered, work


def supports(problem: Problem) -> bool:
    """Windows of more than one pixel."""
    return bool(problem.geometry.R * problem.geometry.S > 1)


def nanoseconds(problem: Problem) -> float:
    """A time for the channels of each window, and one for its taps."""
    g = problem.geometry
    return float(g.N * g.P * g.Q * work(g.C) * (0.5 + 0.05 * g.R * g.S))


@kernel(
    "max_unpool2d_vjp",
    name="choice",
    cost=Cost(nanoseconds),
    abilities=Abilities(supports=supports),
)
def vjp(gx: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gx (N,C,H,W), switches (N,C,P,Q) int32 -> gy (N,C,P,Q)."""
    gy = memory.empty(g.y_shape, gx.dtype, "NHWC")
    if gy.size:
        arrays = memory.nhwc(gx), memory.flat(gx), memory.flat(switches), memory.nhwc(gy)
        window = g.R, g.S, g.stride, g.padding, g.dilation
        _choose(*arrays, memory.flat(gy), *window, channels(gx.dtype), far(gx))
    return gy


@entry_point(parallel=True)
def _choose(gx, values, switches, gy, out, R, S, stride, padding, dilation, block, distance):  # type: ignore[no-untyped-def]  # fmt: skip
    N, P, Q, C = gy.shape
    H, W = gx.shape[1:3]
    in_blocks, alone = (C, 0) if block <= C else (0, C)
    for row in numba.prange(N * P):
        n, p = row // P, row % P
        if distance:
            top = p * stride[0] - padding[0]
            touch_rows(gx, n, top, top + (R - 1) * dilation[0] + 1)
        offsets, places = np.empty(R * S, np.int64), np.empty(R * S, np.int32)
        for q in range(Q):
            top, left = p * stride[0] - padding[0], q * stride[1] - padding[2]
            count = on_plane(places, H, W, top, left, R, S, dilation)
            for k in range(count):
                offsets[k] = (n * H * W + places[k]) * C
            to = (row * Q + q) * C
            for c in range(0, in_blocks, block):
                at = min(c, C - block)
                gathered(values, offsets, places, count, at, switches, out, to + at)
            for c in range(alone):
                out[to + c] = values[(n * H * W + switches[to + c]) * C + c]
