"""Gradient of local response normalisation on CUDA, with channels staged in shared memory.

    gx_c = gy_c / t_c^beta - 2 alpha beta / size x_c sum_{c' = c - after}^{c + before} r_c',
    r_c = gy_c x_c / t_c^(beta + 1)

A block stages all channels of whole pixels: x, then r, which is computed once for each channel;
then r is summed over the mirrored windows. 2 size + 14 operations and 3 values moved per element:
limited by memory, or by shared memory for wide windows.
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
from kernels.local_response_norm_vjp.cuda_naive import slope

LINES = 3
"""Lines in shared memory per pixel: x, r, and the first term."""
PROGRAM = Program(
    __file__,
    entries={
        "gradient<float>": Entry((THREADS, 1, 1), 4 * LINES * THREADS),
        "gradient<double>": Entry((THREADS, 1, 1), 8 * LINES * THREADS),
    },
)
MOST_CHANNELS = 2048
"""Channels of one pixel in float64 that fit 48 KB, the shared memory of a block on any GPU."""


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic((3 + 0.1 * g.size) * math.prod(g.x_shape))


@kernel(
    "local_response_norm_vjp",
    name="sliding",
    device="cuda",
    cost=Cost(work, GPU),
    abilities=Abilities(supports=lambda problem: problem.geometry.C <= MOST_CHANNELS),
)
def vjp(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W) float32 or float64, on the device -> gx (N,C,H,W); all in their type."""
    gx = memory.empty(g.x_shape, x.dtype, "NHWC", like=x)
    if gx.size:
        pixels = g.N * g.H * g.W
        grid, block = over_lines(pixels, g.C)
        arrays = memory.nhwc(gy), memory.nhwc(x), memory.nhwc(gx)
        scalars = slope(g, x.dtype), *settings(g, x.dtype)
        given = np.int64(pixels), np.int32(g.C), *reach(g), *scalars
        lines = LINES * g.C * x.dtype.itemsize
        name = f"gradient<{ctype(x.dtype)}>"
        PROGRAM.launch(name, grid, block, *arrays, *given, shared=block[1] * lines)
    return gx
