"""Max-pooling with the running maximum and its switch in registers.

    y[n,c,p,q] = max over the window of x;  switch[n,c,p,q] = h W + w of that maximum

`scan.py` is the same and easier to read, but loads and stores the running maximum at every tap.
Here a loop over the window's taps on the plane keeps a block of channels in registers and stores it
once (`kernels/cpu/taps.py`). N C P Q R S comparisons, N C (H W + 2 P Q) values moved; bound by
memory if the planes are large, by the comparisons if they are in cache.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.places import taps
from kernels.cpu.taps import channels, greatest, work

PREFETCH_DISTANCE = 2
"""Windows between the current one and the one whose pixels are prefetched."""


Results = tuple[np.ndarray, np.ndarray]
"""y and switches."""


def nanoseconds(problem: Problem) -> float:
    """A time for each tap of each window, and one for its channels."""
    g = problem.geometry
    return float(g.N * g.P * g.Q * g.R * g.S * (3 + 0.16 * work(g.C)))


def bind(x: np.ndarray, g: PoolGeometry, out: Results, options: Options) -> Call:
    """The call of `forward` that writes these results (y, switches)."""
    y, switches = out
    arrays = memory.nhwc(x), memory.flat(x), memory.nhwc(y), memory.flat(y)
    window = g.R, g.S, g.stride, g.padding, g.dilation
    return partial(_pool, *arrays, memory.flat(switches), *window, channels(x.dtype))


@kernel(
    "max_pool2d",
    name="registers",
    cost=Cost(nanoseconds),
    abilities=Abilities(into=True, bind=bind),
)
def forward(x: np.ndarray, g: PoolGeometry, *, out: Results | None = None) -> Results:
    """x (N,C,H,W) -> y (N,C,P,Q) of x's type, switches (N,C,P,Q) int32."""
    results = out or (
        memory.empty(g.y_shape, x.dtype, "NHWC"),
        memory.empty(g.y_shape, np.int32, "NHWC"),
    )
    if results[0].size:
        bind(x, g, results, Options())()
    return results


@entry_point(parallel=True)
def _pool(x, values, y, best, switches, R, S, stride, padding, dilation, block):  # type: ignore[no-untyped-def]  # fmt: skip
    N, P, Q, C = y.shape
    H, W = x.shape[1:3]
    in_blocks, alone = (C, 0) if block <= C else (0, C)
    distance = PREFETCH_DISTANCE * stride[1] * C
    for row in numba.prange(N * P):
        n, p = row // P, row % P
        offsets, places = np.empty(R * S, np.int64), np.empty(R * S, np.int32)
        top = p * stride[0] - padding[0]
        for q in range(Q):
            left = q * stride[1] - padding[2]
            count = taps(offsets, places, n * H * W * C, H, W, C, top, left, R, S, dilation)
            to = (row * Q + q) * C
            for c in range(0, in_blocks, block):
                at = min(c, C - block)
                greatest(values, offsets, places, count, at, best, switches, to + at, distance)
            for c in range(alone):
                k = _greatest(values, offsets, count, c)
                best[to + c], switches[to + c] = values[offsets[k] + c], places[k]


@subroutine
def _greatest(values, offsets, count, c):  # type: ignore[no-untyped-def]
    """The number of the tap with the largest value of channel c: first of equals, or first NaN."""
    first = 0
    for k in range(1, count):
        value, best = values[offsets[k] + c], values[offsets[first] + c]
        # `not <=` is true for a NaN value too; a NaN best stays.
        if not (value <= best) and best == best:
            first = k
    return first
