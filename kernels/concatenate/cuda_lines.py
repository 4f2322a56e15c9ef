"""Concatenation along channels on CUDA: one launch for each array, 16 bytes for each thread.

    y[n, h, w, :] = x0[n, h, w, :], x1[n, h, w, :], ...

No arithmetic: 8 bytes moved a float32, and memory is what limits it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda.grids import blocks
from kernels.cuda.packs import instances, pack
from kernels.cuda.planes import traffic
from kernels.cuda.program import Program
from kernels.cuda.rates import GPU, Work

BLOCK = 256
PROGRAM = Program(__file__, entries=instances("place"), block=(BLOCK, 1, 1))


def work(problem: Problem) -> Work:
    """Each value is read and written once, an array per launch."""
    g = problem.geometry
    return traffic(2 * math.prod(g.y_shape), len(g.channels))


@kernel(
    "concatenate",
    name="lines",
    device="cuda",
    cost=Cost(work, GPU),
)
def forward(*operands: Any) -> np.ndarray:
    """Arrays x0, x1, ... (N,Ci,H,W), then g, on the device -> y (N, sum of Ci, H, W)."""
    *arrays, g = operands
    y = memory.empty(g.y_shape, arrays[0].dtype, "NHWC", like=arrays[0])
    K, first = y.shape[1], 0
    for x, C in zip(arrays, g.channels, strict=True):
        if x.size:
            divisor = math.gcd(math.gcd(C, K), first)  # lines begin where a vector may
            V, lanes = pack(divisor, memory.nhwc(x), memory.nhwc(y))
            counts = (np.int64(v // lanes) for v in (x.size, C, K, first))
            grid = (blocks(x.size // lanes, BLOCK),)
            PROGRAM.launch(f"place<{V}>", grid, (BLOCK,), memory.nhwc(x), memory.nhwc(y), *counts)
        first += C
    return y
