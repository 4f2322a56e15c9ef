"""Transposed convolution on CUDA as its formula: one thread an input element. The one to read.

    gx[n,c,h,w] = sum over r,s,k of gy[n,k,p,q] w[k,c,r,s]   where p stride = h + pad - r dilation

A gather: each pixel asks every tap which window put it there, so no two threads write one place.
With a stride above 1 most taps have none, and what is left are the 2 N K P Q C R S operations, as
many loads, which limit it; neighbouring threads compute neighbouring channels, for which a tap of
the filter is one run in memory.
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
PROGRAM = Program(__file__, entries=("dgrad<float>", "dgrad<double>"), block=(BLOCK, 1, 1))


def terms(g: ConvGeometry) -> float:
    """One product and one addition a tap and filter."""
    return g.K // g.groups * g.R * g.S


def work(problem: Problem) -> Work:
    """Naive sums, which may be none."""
    g = problem.geometry
    return Work(singles=g.macs, chain=terms(g) if math.prod(g.x_shape) else 0, launches=1)


@kernel(
    "conv2d_dgrad",
    name="naive",
    device="cuda",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, GPU),
)
def dgrad(gy: Any, w: Any, g: ConvGeometry) -> Any:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy)
    if gx.size:
        arrays = memory.nhwc(gy), memory.nhwc(w), memory.nhwc(gx)
        grid = blocks(gx.size, BLOCK), 1, 1
        counts = conv_struct(g), np.int64(gx.size)
        PROGRAM.launch(f"dgrad<{ctype(gy.dtype)}>", grid, (BLOCK, 1, 1), *arrays, *counts)
    return gx
