"""Gradient of the weights on CUDA by its definition: one thread per weight. The simplest kernel.

    gw[k,c,r,s] = sum over n,p,q of gy[n,k,p,q] x[n, c, p stride - pad + r dilation, ...]

Each thread sums over every output pixel of the batch: 2 N K P Q C R S operations and as many loads.
Limited by parallelism and latency: a first layer has some 10^4 weights, a tenth of the threads that
keep a GPU busy, and each adds its N P Q products one by one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Program, conv_struct, ctype
from kernels.cuda.grids import blocks
from kernels.cuda.rates import GPU, Work

BLOCK = 256
PROGRAM = Program(__file__, entries=("wgrad<float>", "wgrad<double>"), block=(BLOCK, 1, 1))


def terms(g: ConvGeometry) -> float:
    """One product and one addition per output pixel."""
    return g.N * g.P * g.Q


def work(problem: Problem) -> Work:
    """Naive sums; an empty gradient has none."""
    g = problem.geometry
    return Work(singles=g.macs, chain=terms(g) if math.prod(g.w_shape) else 0, launches=1)


@kernel(
    "conv2d_wgrad",
    name="naive",
    device="cuda",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, GPU),
)
def wgrad(x: Any, gy: Any, g: ConvGeometry) -> Any:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC", like=x)
    if gw.size:
        arrays = memory.nhwc(x), memory.nhwc(gy), memory.nhwc(gw)
        grid = blocks(gw.size, BLOCK), 1, 1
        counts = conv_struct(g), np.int64(gw.size)
        PROGRAM.launch(f"wgrad<{ctype(x.dtype)}>", grid, (BLOCK, 1, 1), *arrays, *counts)
    return gw
