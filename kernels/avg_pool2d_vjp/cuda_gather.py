"""Transpose of average pooling on CUDA: each pixel gathers from the windows that contain it.

    gx[n,c,h,w] = sum of gy[n,c,p,q] / divisor[p,q] over the windows with (h,w) among their taps

As in `gather.py`; a thread sums for one pixel, over its windows in row order. N C P Q R S additions
in the type of gy, N C (H W + P Q) values moved; limited by memory.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.avg_pool2d_vjp.gather import terms
from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Program, pool_struct
from kernels.cuda.planes import instance, instances, lanes, over_pixels, traffic
from kernels.cuda.rates import GPU, Work

PROGRAM = Program(__file__, entries=instances("gather"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic(math.prod(g.x_shape) + math.prod(g.y_shape))


@kernel(
    "avg_pool2d_vjp",
    name="gather",
    device="cuda",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, GPU),
)
def vjp(gy: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """gy (N,C,P,Q) on the device -> gx (N,C,H,W)."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy)
    if gx.size:
        given = memory.nhwc(gy), memory.nhwc(gx), pool_struct(g), np.int32(g.count_include_pad)
        sizes = over_pixels(g.N * g.H, g.W, g.C // lanes(gy.dtype, g.C))
        PROGRAM.launch(instance("gather", gy.dtype, g.C), *sizes, *given)
    return gx
