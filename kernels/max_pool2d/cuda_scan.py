"""Max-pooling with switches on CUDA: one thread scans a window.

    y[n,c,p,q] = max over the window of x;  switch[n,c,p,q] = h W + w of that maximum

As in `scan.py` (Zeiler, Fergus 2013, section 2.1) ties go to the first tap in row order, the first
NaN is larger than any number, and padding is never chosen. A thread processes one window in four
neighbouring channels (two of float64) and keeps their maxima in registers. N C P Q R S comparisons;
limited by memory: N C (H W + 2 P Q) values. Overlapping windows read pixels from the L1 cache.
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

PROGRAM = Program(__file__, entries=instances("scan"))


def work(problem: Problem) -> Work:
    g = problem.geometry
    return traffic(math.prod(g.x_shape) + 2 * math.prod(g.y_shape))


@kernel("max_pool2d", name="scan", device="cuda", cost=Cost(work, GPU))
def forward(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W) on the device -> y (N,C,P,Q) of x's type, switches (N,C,P,Q) int32."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    switches = memory.empty(g.y_shape, np.int32, "NHWC", like=x)
    if y.size:
        arrays = memory.nhwc(x), memory.nhwc(y), memory.nhwc(switches)
        sizes = over_pixels(g.N * g.P, g.Q, g.C // lanes(x.dtype, g.C))
        PROGRAM.launch(instance("scan", x.dtype, g.C), *sizes, *arrays, pool_struct(g))
    return y, switches
