"""Local response normalisation on CUDA with a pixel's channels staged in shared memory.

    y_c = x_c / t_c^beta,   t_c = k + alpha / size * sum_{c' = c - before}^{c + after} x_c'^2

The definition is that of `sliding.py` (Krizhevsky et al. 2012); each window is summed anew, as
there. A block stages all channels of whole pixels, which are contiguous, and sums the windows from
there. size + 6 operations and 2 values moved per element: limited by memory, or by shared memory
for wide windows.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Entry, Program, ctype
from kernels.cuda.planes import THREADS, over_lines, traffic
from kernels.cuda.rates import GPU, Work
from kernels.local_response_norm.cuda_naive import reach
from kernels.local_response_norm.sliding import settings

PROGRAM = Program(
    __file__,
    entries={
        "normalise<float>": Entry((THREADS, 1, 1), 4 * THREADS),
        "normalise<double>": Entry((THREADS, 1, 1), 8 * THREADS),
    },
)
MOST_CHANNELS = 6144
"""Channels of one pixel in float64 that fit 48 KB, the shared memory of a block on any GPU."""


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic((2 + 0.05 * g.size) * math.prod(g.x_shape))


@kernel(
    "local_response_norm",
    name="sliding",
    device="cuda",
    cost=Cost(work, GPU),
    abilities=Abilities(supports=lambda problem: problem.geometry.C <= MOST_CHANNELS),
)
def forward(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """x (N,C,H,W) float32 or float64, on the device -> y (N,C,H,W); all in x's type."""
    y = memory.empty(g.x_shape, x.dtype, "NHWC", like=x)
    if y.size:
        pixels = g.N * g.H * g.W
        grid, block = over_lines(pixels, g.C)
        given = np.int64(pixels), np.int32(g.C), *reach(g), *settings(g, x.dtype)
        arrays, name = (memory.nhwc(x), memory.nhwc(y)), f"normalise<{ctype(x.dtype)}>"
        line = g.C * x.dtype.itemsize
        PROGRAM.launch(name, grid, block, *arrays, *given, shared=block[1] * line)
    return y
