"""Unpooling as a gather: each pixel reads the windows that contain it and is written once.

    x[n,c,h,w] = sum over the windows (p, q) that contain (h, w) of y[n,c,p,q] if their switch is it

`scatter.py` is the same and easier to read, but it writes zeros first, moves one value at a time,
and processes an image with one thread. Here rows of pixels are independent, and the sums of a block
of channels stay in registers (`kernels/cpu/taps.py`). Each switch must be inside its own window, as
max-pooling returns it; unpooling without a pooling, whose windows are single pixels, is not
supported. Each window is compared at R S pixels: N C P Q R S comparisons, N C (H W + 2 P Q) values
moved; bound by memory.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.taps import channels, scatter_added, work
from kernels.max_unpool2d.scatter import COLLISIONS

SUM, MAX = COLLISIONS.index("sum"), COLLISIONS.index("max")
ALONE = 20
"""The time of a single channel, in channels of a block."""


def supports(problem: Problem) -> bool:
    """Windows of several pixels, which contain their switches."""
    return bool(problem.geometry.R * problem.geometry.S > 1)


def nanoseconds(problem: Problem) -> float:
    """A time for each tap of each window, and for each pixel; only sums use blocks of channels."""
    g = problem.geometry
    each = work(g.C) if problem.collisions == "sum" else ALONE * g.C
    return float(g.N * each * (0.05 * g.R * g.S * g.P * g.Q + 0.2 * g.H * g.W))


@kernel(
    "max_unpool2d", name="gather", cost=Cost(nanoseconds), abilities=Abilities(supports=supports)
)
def forward(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q), switches (N,C,P,Q) int32 -> x (N,C,H,W)."""
    x = memory.empty(g.x_shape, y.dtype, "NHWC")
    if x.size:
        arrays = memory.nhwc(y), memory.flat(y), memory.flat(switches), memory.nhwc(x)
        window = g.R, g.S, g.stride, g.padding, g.dilation
        block = channels(y.dtype)
        _gather(*arrays, memory.flat(x), *window, COLLISIONS.index(collisions), block)
    return x


@entry_point(parallel=True)
def _gather(y, values, switches, x, sums, R, S, stride, padding, dilation, law, block):  # type: ignore[no-untyped-def]  # fmt: skip
    _, P, Q, C = y.shape
    N, H, W, _ = x.shape
    columns, widths = np.empty((W, S), np.int64), np.empty(W, np.int64)
    for w in range(W):
        widths[w] = _holders(w, Q, S, stride[1], padding[2], dilation[1], columns[w])
    in_blocks, alone = (C, 0) if law == SUM and block <= C else (0, C)
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        rows, offsets = np.empty(R, np.int64), np.empty(R * S, np.int64)
        height = _holders(h, P, R, stride[0], padding[0], dilation[0], rows)
        for w in range(W):
            for i in range(height):
                for j in range(widths[w]):
                    window = (n * P + rows[i]) * Q + columns[w, j]
                    offsets[i * widths[w] + j] = window * C
            count, to, here = height * widths[w], (row * W + w) * C, np.int32(h * W + w)
            for c in range(0, in_blocks, block):
                at = min(c, C - block)
                scatter_added(values, switches, offsets, count, at, here, sums, to + at)
            for c in range(alone):
                sums[to + c] = _combined(values, switches, offsets, count, c, here, law)


@subroutine
def _holders(pixel, windows, reach, stride, before, dilation, found):  # type: ignore[no-untyped-def]  # fmt: skip
    """Write the windows of a line that have a tap on a pixel, in order; return their number."""
    count = 0
    for tap in range(reach - 1, -1, -1):
        window, remainder = divmod(pixel + before - tap * dilation, stride)
        if remainder == 0 and 0 <= window < windows:
            found[count] = window
            count += 1
    return count


@subroutine
def _combined(values, switches, offsets, count, c, here, law):  # type: ignore[no-untyped-def]
    """Channel c of the pixel, from the windows at `offsets` by the law of collisions."""
    total, met = values.dtype.type(0), False
    for k in range(count):
        if switches[offsets[k] + c] == here:
            value = values[offsets[k] + c]
            if law == SUM:
                total += value
            # `not <=` is true for a NaN value too; a NaN total stays.
            elif law != MAX or not met or (not (value <= total) and total == total):
                total = value
            met = True
    return total
