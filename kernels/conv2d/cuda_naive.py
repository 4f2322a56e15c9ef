"""Convolution on CUDA by its definition: one thread per output element. The simplest kernel.

    y[n,k,p,q] = bias[k] + sum over r,s,c of w[k,c,r,s] x[n, c, p stride - pad + r dilation, ...]

Neighbouring threads compute neighbouring filters of one window (channels are the innermost axis).
So a warp reads one pixel for all threads, but each thread its own filter, R S C values apart: 32
cache lines for one multiply-add a thread. 2 N K P Q C R S operations and as many loads, which limit
it.
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
PROGRAM = Program(__file__, entries=("fprop<float>", "fprop<double>"), block=(BLOCK, 1, 1))


def work(problem: Problem) -> Work:
    """Naive sums; an empty output has none."""
    g = problem.geometry
    return Work(
        singles=g.macs, chain=math.prod(g.w_shape[1:]) if math.prod(g.y_shape) else 0, launches=1
    )


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: the first product, then an addition a tap to the bias."""
    return g.C // g.groups * g.R * g.S + 1


@kernel("conv2d", name="naive", device="cuda", accuracy=Accuracy(bound=terms), cost=Cost(work, GPU))
def forward(x: Any, w: Any, g: ConvGeometry, *, bias: Any | None = None) -> Any:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q); accumulates in their type."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if y.size:
        arrays = memory.nhwc(x), memory.nhwc(w), bias, memory.nhwc(y)
        grid = blocks(y.size, BLOCK), 1, 1
        counts = conv_struct(g), np.int64(y.size)
        PROGRAM.launch(f"fprop<{ctype(x.dtype)}>", grid, (BLOCK, 1, 1), *arrays, *counts)
    return y
