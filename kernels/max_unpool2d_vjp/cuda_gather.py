"""Transpose of unpooling on CUDA: a gather of the value at each switch.

    gy[n,c,p,q] = gx[n, c, switch[n,c,p,q]]

N C P Q moves, limited by memory. Comparing all taps of a window instead, as `choice.py` does on the
CPU, would read R S values for one. Neighbouring channels with different taps share sectors of 32
bytes in the cache.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Program, pool_struct
from kernels.cuda.planes import instance, instances, lanes, over_pixels, traffic
from kernels.cuda.rates import GPU, Work

PROGRAM = Program(__file__, entries=instances("gather"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic(math.prod(g.x_shape) + 2 * math.prod(g.y_shape))


@kernel("max_unpool2d_vjp", name="gather", device="cuda", cost=Cost(work, GPU))
def vjp(gx: np.ndarray, switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gx (N,C,H,W), switches (N,C,P,Q) int32, on the device -> gy (N,C,P,Q)."""
    gy = memory.empty(g.y_shape, gx.dtype, "NHWC", like=gx)
    if gy.size:
        arrays = memory.nhwc(gx), memory.nhwc(switches), memory.nhwc(gy)
        sizes = over_pixels(g.N * g.P, g.Q, g.C // lanes(gx.dtype, g.C))
        PROGRAM.launch(instance("gather", gx.dtype, g.C), *sizes, *arrays, pool_struct(g))
    return gy
