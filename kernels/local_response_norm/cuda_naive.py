"""Local response normalisation on CUDA by its definition: one thread per element.

    y_c = x_c / t_c^beta,   t_c = k + alpha / size * sum_{c' = c - before}^{c + after} x_c'^2

The definition is that of `sliding.py` (Krizhevsky et al. 2012). size + 6 operations and 2 values
moved per element, and as many loads as the window has channels, mostly from the L1 cache, which
limit it.
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
from kernels.local_response_norm.sliding import settings

PROGRAM = Program(__file__, entries=("normalise<float>", "normalise<double>"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic((2 + 0.1 * g.size) * math.prod(g.x_shape))


@kernel("local_response_norm", name="naive", device="cuda", cost=Cost(work, GPU))
def forward(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """x (N,C,H,W) float32 or float64, on the device -> y (N,C,H,W); all in x's type."""
    y = memory.empty(g.x_shape, x.dtype, "NHWC", like=x)
    if y.size:
        counts = np.int64(g.N * g.H), np.int32(g.W), np.int32(g.C)
        given = *counts, *reach(g), *settings(g, x.dtype)
        sizes = over_pixels(g.N * g.H, g.W, g.C)
        name = f"normalise<{ctype(x.dtype)}>"
        PROGRAM.launch(name, *sizes, memory.nhwc(x), memory.nhwc(y), *given)
    return y


def reach(g: LRNGeometry) -> tuple[np.int32, np.int32]:
    """(before, after), each at most the number of channels."""
    return np.int32(min(g.before, g.C)), np.int32(min(g.after, g.C))
