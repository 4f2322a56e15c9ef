"""Unpooling on CUDA seen from the pixel: it looks at the windows that hold it, and writes once.

    x[n,c,h,w] = what the windows (p, q) that hold (h, w) leave of y[n,c,p,q] where their switch is
                 it: their sum, the largest or the last in row order

The laws are those of `scatter.py`. Additions in memory by many threads would give another sum with
each run; here one thread meets a pixel's windows in row order. Each switch has to lie in its own
window, as pooling leaves them, so the geometry of unpooling alone, whose windows are single pixels,
is `cuda_scatter.py`'s. Each window is compared at R S pixels: N C P Q R S comparisons; limited by
memory, N C (H W + 2 P Q) values, those of a window from the cache after the first time.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Program, pool_struct
from kernels.cuda.planes import instance, instances, lanes, over_pixels, traffic
from kernels.cuda.rates import GPU, Work
from kernels.max_unpool2d.scatter import COLLISIONS

PROGRAM = Program(__file__, entries=instances("gather"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic(math.prod(g.x_shape) + 2 * math.prod(g.y_shape))


@kernel(
    "max_unpool2d",
    name="gather",
    device="cuda",
    cost=Cost(work, GPU),
    abilities=Abilities(supports=lambda problem: problem.geometry.R * problem.geometry.S > 1),
)
def forward(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q), switches (N,C,P,Q) int32, on the device -> x (N,C,H,W)."""
    x = memory.empty(g.x_shape, y.dtype, "NHWC", like=y)
    if x.size:
        arrays = memory.nhwc(y), memory.nhwc(switches), memory.nhwc(x)
        sizes = over_pixels(g.N * g.H, g.W, g.C // lanes(y.dtype, g.C))
        law = np.int32(COLLISIONS.index(collisions))
        PROGRAM.launch(instance("gather", y.dtype, g.C), *sizes, *arrays, pool_struct(g), law)
    return x
