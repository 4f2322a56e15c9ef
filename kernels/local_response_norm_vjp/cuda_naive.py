"""Gradient of local response normalisation on CUDA by its definition: one thread per element.

    gx_c = gy_c / t_c^beta - 2 alpha beta / size x_c sum_{c' = c - after}^{c + before} r_c',
    r_c = gy_c x_c / t_c^(beta + 1)

The windows that contain channel c are centred on the channels of the mirrored window. A thread
computes r of all of them: 2 size^2 + 12 size operations per element, which limit it, and 3 values
moved. `cuda_sliding.py` shares r among threads.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Cost
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.planes import over_pixels, traffic
from kernels.cuda.rates import GPU, Work
from kernels.local_response_norm.cuda_naive import reach
from kernels.local_response_norm.sliding import settings

PROGRAM = Program(__file__, entries=("gradient<float>", "gradient<double>"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic((3 + 0.1 * g.size**2) * math.prod(g.x_shape))


@kernel("local_response_norm_vjp", name="naive", device="cuda", cost=Cost(work, GPU))
def vjp(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W) float32 or float64, on the device -> gx (N,C,H,W); all in their type."""
    gx = memory.empty(g.x_shape, x.dtype, "NHWC", like=x)
    if gx.size:
        arrays = memory.nhwc(gy), memory.nhwc(x), memory.nhwc(gx)
        counts = np.int64(g.N * g.H), np.int32(g.W), np.int32(g.C)
        given = *counts, *reach(g), slope(g, x.dtype), *settings(g, x.dtype)
        sizes = over_pixels(g.N * g.H, g.W, g.C)
        PROGRAM.launch(f"gradient<{ctype(x.dtype)}>", *sizes, *arrays, *given)
    return gx


def slope(g: LRNGeometry, dtype: np.dtype) -> np.floating:
    """-2 alpha beta / size, the factor of x_c and the sum of r, in `dtype`."""
    return dtype.type(-2 * g.alpha * g.beta / g.size)
