"""Transposed convolution on CUDA as an explicit convolution with the flipped filters.

    gx = conv2d(gy with zeros between and around its pixels, w flipped, channels swapped), stride 1

The four steps, each a kernel or a product: insert stride - 1 zeros between the pixels of gy; pad,
so that every input pixel becomes the centre of a window, and unfold with im2col, which reads zeros
outside; multiply by the filters rotated by 180 degrees with channels in and out swapped
(Dumoulin, Visin: "A guide to convolution arithmetic", 2016, section 4). This is the filtering of
the deconvnet (Zeiler, Fergus 2013, section 2.1). 2 N C H W K R S operations: about stride^2 times
the transposed convolution's own, spent on zeros. At stride 1 the columns' memory traffic limits
it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.conv2d import cuda_im2col
from kernels.conv2d.cuda_im2col import multiply_windows
from kernels.conv2d_dgrad.flipped import flipped_geometry, operations
from kernels.cuda import Program, conv_struct, ctype
from kernels.cuda.grids import blocks
from kernels.cuda.packs import instances, pack
from kernels.cuda.rates import GPU, Work

BLOCK = 256
PROGRAM = Program(
    __file__,
    entries=(*instances("spread_out"), "flip<float>", "flip<double>"),
    block=(BLOCK, 1, 1),
)


def spread_out(gy: Any, g: ConvGeometry) -> Any:
    """gy (N,K,P,Q) with stride - 1 zeros between its pixels: (N,K,(P-1)*stride+1,...)."""
    if g.stride == (1, 1):
        return gy
    shape = (g.N, g.K, (g.P - 1) * g.stride[0] + 1, (g.Q - 1) * g.stride[1] + 1)
    spread = memory.empty(shape, gy.dtype, "NHWC", like=gy)
    if spread.size:
        V, lanes = pack(g.K, gy, spread)
        _launch(f"spread_out<{V}>", gy, spread, replace(g, K=g.K // lanes), spread.size // lanes)
    return spread


def flip(w: Any, g: ConvGeometry) -> Any:
    """w (K,C/G,R,S) rotated by 180 degrees, channels swapped: (G,C/G,R*S*K/G), a row per filter."""
    C, K = g.C // g.groups, g.K // g.groups
    flipped = memory.empty((g.groups, C, g.R * g.S * K), w.dtype, like=w)
    if flipped.size:
        _launch(f"flip<{ctype(w.dtype)}>", w, flipped, g, flipped.size)
    return flipped


def _launch(name: str, source: Any, result: Any, g: ConvGeometry, count: int) -> None:
    """One thread for each of the `count` values of the result."""
    arrays = memory.flat(source), memory.flat(result)
    grid = blocks(count, BLOCK), 1, 1
    PROGRAM.launch(name, grid, (BLOCK, 1, 1), *arrays, conv_struct(g), np.int64(count))


def work(problem: Problem) -> Work:
    """Work of the stride-1 convolution with the zeros, of inserting them, of flipping filters."""
    g = problem.geometry
    flat = flipped_geometry(g)
    spread = 0 if g.stride == (1, 1) else 2 * math.prod(flat.x_shape)
    of_product = cuda_im2col.work(replace(problem, geometry=flat))
    moved = of_product.elements + spread + 2 * math.prod(g.w_shape)
    launches = of_product.launches + (1 if g.stride == (1, 1) else 2)
    return replace(of_product, elements=moved, launches=launches)


def terms(g: ConvGeometry) -> float:
    """One product and one addition per tap; the zeros add nothing."""
    return g.K // g.groups * g.R * g.S


@kernel(
    "conv2d_dgrad",
    name="flipped",
    device="cuda",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, GPU, operations=operations),
    abilities=Abilities(chunked=True),
)
def dgrad(gy: Any, w: Any, g: ConvGeometry) -> Any:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    if 0 in g.x_shape:
        return memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy)
    return multiply_windows(spread_out(gy, g), flip(w, g), flipped_geometry(g))
