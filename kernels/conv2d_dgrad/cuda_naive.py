"""Transposed convolution on CUDA by its definition: one thread per input element.

    gx[n,c,h,w] = sum over r,s,k of gy[n,k,p,q] w[k,c,r,s]   where p stride = h + pad - r dilation

A gather: for each pixel and tap the window is computed in which the tap covers the pixel. So no two
threads write one address. With a stride above 1 most taps have no such window. 2 N K P Q C R S
operations and as many loads, which limit it. Neighbouring threads compute neighbouring channels,
which are contiguous in the filters.
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
    """One product and one addition per tap and filter."""
    return g.K // g.groups * g.R * g.S


def work(problem: Problem) -> Work:
    """Naive sums; an empty input has none."""
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
