"""Average of whole planes, as before a network's last layer and in squeeze-and-excitation.

    y[n, c] = sum over h, w of x[n, h, w, c] / (H W)

A window that is the plane leaves one row of results an image. So the pixels are cut into parts, by
their number alone, whose sums threads share and which are then added; a sum of CHANNELS channels
stays in the L1 cache while x is read once, in memory order. N C H W additions in the type of x;
limited by reading x.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.avg_pool2d.scan import terms
from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import pieces
from kernels.cpu.lines import add_run, copy_run

CHANNELS = 128
"""Of a piece: 8 cache lines of float32."""
PART = 1 << 14
"""Elements of a part of an image, at least."""


def supports(problem: Problem) -> bool:
    """One window, which is the plane."""
    g = problem.geometry
    return (g.R, g.S) == (g.H, g.W) and not any(g.padding) and g.dilation == (1, 1)


def bind(x: np.ndarray, g: PoolGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    pixels = g.H * g.W
    parts = min(pixels, pieces(pixels * g.C, PART))
    sums = options.allocate((g.N, parts, g.C), x.dtype)
    return partial(_average, memory.flat(x), sums, memory.flat(y), pixels)


@kernel(
    "avg_pool2d",
    name="whole_plane",
    accuracy=Accuracy(bound=terms),
    cost=Cost(lambda problem: 0.0),
    abilities=Abilities(supports=supports, into=True, bind=bind),
)
def forward(x: np.ndarray, g: PoolGeometry, *, out: np.ndarray | None = None) -> np.ndarray:
    """x (N,C,H,W) -> y (N,C,1,1)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC") if out is None else out
    if y.size:
        bind(x, g, y, Options())()
    return y


@entry_point(parallel=True)
def _average(x, sums, y, pixels):  # type: ignore[no-untyped-def]
    """y, flat (N,C): the means of x, flat (N,HW,C), by sums (N,parts,C) of parts of the pixels."""
    N, parts, C = sums.shape
    blocks = (C + CHANNELS - 1) // CHANNELS
    flat = sums.reshape(-1)  # (N,parts,C) -> (N parts C,), the same memory
    for piece in numba.prange(N * parts * blocks):
        row, c0 = piece // blocks, piece % blocks * CHANNELS
        n, part, count = row // parts, row % parts, min(CHANNELS, C - c0)
        first, end = pixels * part // parts, pixels * (part + 1) // parts
        copy_run(x, (n * pixels + first) * C + c0, flat, row * C + c0, count)
        for pixel in range(first + 1, end):
            add_run(x, (n * pixels + pixel) * C + c0, flat, row * C + c0, count)
    for n in range(N):
        for part in range(1, parts):
            add_run(flat, (n * parts + part) * C, flat, n * parts * C, C)
        for c in range(C):
            y[n * C + c] = sums[n, 0, c] / pixels
