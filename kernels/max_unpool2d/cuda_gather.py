"""Unpooling on CUDA as a gather: each pixel reads the windows that contain it.

    x[n,c,h,w] = sum, largest or last (in row order) of y[n,c,p,q] over the windows (p, q) that
                 contain (h, w) and whose switch is it

The laws of collisions are those of `scatter.py`. Atomic additions by many threads would give
another sum with each run; here one thread visits a pixel's windows in row order. Each switch must
be inside its own window, as max-pooling returns it. So unpooling without a pooling, whose windows
are single pixels, is left to `cuda_scatter.py`. Each window is compared at R S pixels: N C P Q R S
comparisons. Limited by memory: N C (H W + 2 P Q) values; a window is read again from the cache.
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
