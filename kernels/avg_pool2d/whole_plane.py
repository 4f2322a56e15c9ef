"""Average of whole planes, as before a network's last layer and in squeeze-and-excitation.

    y[n, c] = sum over h, w of x[n, h, w, c] / (H W)

A window that is the plane leaves one row of results an image, so threads share the channels, a
piece of CHANNELS at a time: its sums stay in the L1 cache while x is read once, in memory order.
N C H W additions in the type of x; limited by reading x.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.avg_pool2d.scan import terms
from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel

CHANNELS = 128
"""Of a piece: 8 cache lines of float32."""


def supports(problem: Problem) -> bool:
    """One window, which is the plane."""
    g = problem.geometry
    return (g.R, g.S) == (g.H, g.W) and not any(g.padding) and g.dilation == (1, 1)


@kernel(
    "avg_pool2d",
    name="whole_plane",
    accuracy=Accuracy(bound=terms),
    cost=Cost(lambda problem: 0.0),
    abilities=Abilities(supports=supports, into=True),
)
def forward(x: np.ndarray, g: PoolGeometry, *, out: np.ndarray | None = None) -> np.ndarray:
    """x (N,C,H,W) -> y (N,C,1,1)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC") if out is None else out
    if y.size:
        _average(memory.flat(x), memory.flat(y), g.N, g.H * g.W, g.C)
    return y


@entry_point(parallel=True)
def _average(x, y, N, pixels, C):  # type: ignore[no-untyped-def]
    """y, flat (N,C): the means of x, flat (N,HW,C)."""
    blocks = (C + CHANNELS - 1) // CHANNELS
    for piece in numba.prange(N * blocks):
        n, c0 = piece // blocks, piece % blocks * CHANNELS
        count, to = min(CHANNELS, C - c0), n * C + c0
        for c in range(count):
            y[to + c] = 0
        for pixel in range(pixels):
            at = (n * pixels + pixel) * C + c0
            for c in range(count):
                y[to + c] += x[at + c]
        for c in range(count):
            y[to + c] /= pixels
