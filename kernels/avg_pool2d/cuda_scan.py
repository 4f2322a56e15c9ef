"""Average pooling on CUDA: one thread scans a window.

    y[n,c,p,q] = sum over the window's taps on the plane of x / divisor[p,q]

As in `scan.py`, but the kernel computes the divisor: the rows times the columns of taps that count.
N C P Q R S additions in the type of x, N C (H W + P Q) values moved; limited by memory.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.avg_pool2d.scan import terms
from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Program, pool_struct
from kernels.cuda.planes import instance, instances, lanes, over_pixels, traffic
from kernels.cuda.rates import GPU, Work

PROGRAM = Program(__file__, entries=instances("scan"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic(math.prod(g.x_shape) + math.prod(g.y_shape))


@kernel(
    "avg_pool2d", name="scan", device="cuda", accuracy=Accuracy(bound=terms), cost=Cost(work, GPU)
)
def forward(x: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """x (N,C,H,W) on the device -> y (N,C,P,Q)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if y.size:
        given = memory.nhwc(x), memory.nhwc(y), pool_struct(g), np.int32(g.count_include_pad)
        sizes = over_pixels(g.N * g.P, g.Q, g.C // lanes(x.dtype, g.C))
        PROGRAM.launch(instance("scan", x.dtype, g.C), *sizes, *given)
    return y
