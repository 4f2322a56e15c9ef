"""Unpooling on CUDA by its definition: a scatter of each value to the pixel of its switch.

The laws of collisions are those of `scatter.py`. A thread moves all values of one channel of one
image in row order, so the result is the same on every run, and switches may be anywhere. N C P Q
moves after writing N C H W zeros. There are only N C threads, few for a small batch: limited by the
latency of memory, not by its bandwidth.
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
from kernels.cuda.planes import over_all, traffic
from kernels.cuda.program import ctype
from kernels.cuda.rates import GPU
from kernels.max_unpool2d.scatter import COLLISIONS

PROGRAM = Program(__file__, entries=("scatter<float>", "scatter<double>"))
LATENCY = 600.0
"""Nanoseconds between two values of a thread, about the memory latency of an A100."""


def nanoseconds(problem: Problem) -> float:
    """The memory traffic, or the latency of each thread's values, one after the other."""
    g = problem.geometry
    moved = traffic(math.prod(g.x_shape) + 3 * math.prod(g.y_shape), 2)
    return float(GPU.cost(moved) + LATENCY * g.P * g.Q)


@kernel("max_unpool2d", name="scatter", device="cuda", cost=Cost(nanoseconds))
def forward(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q), switches (N,C,P,Q) int32, on the device -> x (N,C,H,W)."""
    x = memory.empty(g.x_shape, y.dtype, "NHWC", like=y)
    x.fill(0)
    if y.size and x.size:
        arrays = memory.nhwc(y), memory.nhwc(switches), memory.nhwc(x)
        law = np.int32(COLLISIONS.index(collisions))
        name = f"scatter<{ctype(y.dtype)}>"
        PROGRAM.launch(name, *over_all(g.N * g.C), *arrays, pool_struct(g), law)
    return x
