"""Gradient of the weights by Winograd's F(4x4, 3x3) and F(2x2, 3x3) on CUDA, with cuBLAS.

    gw = G^T [ sum over tiles of (A gy A^T) . (B^T d B) ] G

The inner product of gy and y is trilinear in x, w and gy (`conv2d/cuda_winograd.py`: read that
first; Lavin and Gray 2016). This is its gradient with respect to w, with the same tiles and points.
At each point there is one product, filters x tiles times tiles x channels: as many operations as in
fprop. Each chunk of the batch adds to the sums of those before. So the (m + 2)^2 sums, each as
large as gw / 9, are read and written once per chunk: with some hundred channels they move as much
memory as the transforms. Limited by the transforms for few channels, else by cuBLAS's products.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.conv2d.cuda_winograd import TILES, transform_input
from kernels.cpu.direct import without_products
from kernels.cuda import Program, conv_struct, ctype, product
from kernels.cuda.grids import blocks
from kernels.cuda.packs import PACKS, pack
from kernels.cuda.rates import GPU, Work
from kernels.cuda.winograd import (
    SIZES,
    chunks,
    pairs,
    points,
    supports,
    tiles_of,
    wgrad_form,
    wgrad_operations,
)
from kernels.cuda.winograd import work as fprop_work

PROGRAM = Program(
    __file__,
    {
        f"transform_gradient<{name}, {m}, {lanes}>": TILES
        for name, (_, wide) in PACKS.items()
        for lanes in (wide, 1)
        for m in SIZES
    }
    | {f"transform_weights<{name}, {m}>": TILES for name in PACKS for m in SIZES},
)


def transform_gradient(m: int, gy: Any, g: ConvGeometry, first: int, tiles: int) -> Any:
    """Y = A gy A^T of `tiles` tiles of gy (N,K,P,Q): (points groups, tiles, K/groups)."""
    filters = g.K // g.groups
    Y = memory.empty((points(m) * g.groups, tiles, filters), gy.dtype, like=gy)
    lanes = pack(filters, memory.nhwc(gy), Y)[1]
    name = f"transform_gradient<{ctype(gy.dtype)}, {m}, {lanes}>"
    grid = -(-(tiles * g.K // lanes) // TILES.block[0]), 1, 1
    chunk = conv_struct(g), np.int64(first), np.int32(tiles)
    PROGRAM.launch(name, grid, TILES.block, memory.nhwc(gy), Y, *chunk)
    return Y


def transform_weights(m: int, W: Any, gw: Any, g: ConvGeometry) -> Any:
    """gw (K,C/groups,3,3), written: G^T W G of W (points groups, K/groups, C/groups)."""
    name = f"transform_weights<{ctype(W.dtype)}, {m}>"
    grid = blocks(pairs(g), TILES.block[0]), 1, 1
    sizes = np.int32(g.C // g.groups), np.int64(pairs(g))
    PROGRAM.launch(name, grid, TILES.block, W, memory.nhwc(gw), *sizes)
    return gw


def wgrad(m: int, x: Any, gy: Any, g: ConvGeometry) -> Any:
    """The gradient of the weights by tiles of m x m pixels of gy."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC", like=x)
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    W = None
    for first, tiles in chunks(m, g, x.dtype):
        V = transform_input(m, x, g, first, tiles)
        Y = transform_gradient(m, gy, g, first, tiles)
        # (36 G,K/G,T) x (36 G,T,C/G) -> (36 G,K/G,C/G), or 16 for 36
        part = product(Y.transpose(0, 2, 1), V)
        W = part if W is None else np.add(W, part, out=W)
    return transform_weights(m, W, gw, g)


def work(m: int, problem: Problem) -> Work:
    """The work of fprop with the sums in place of the filters.

    Each chunk but the first moves four times their size: its products are written and read, the
    sums read and written.
    """
    g = problem.geometry
    further, its = len(list(chunks(m, g, np.float32))) - 1, fprop_work(m, g)
    moved = its.elements + its.weights + further * 4 * points(m) * pairs(g)
    return replace(its, elements=moved, launches=its.launches + 1 + further, weights=0)


def declared(m: int) -> dict[str, Any]:
    """The declarations of the kernel with tiles of m x m."""
    return {
        "accuracy": Accuracy(
            exact=False,
            bound=lambda g: wgrad_form(m).bound(tiles_of(m, g)),
            norm_wise=True,
            amplification=lambda g: wgrad_form(m).amplification,
            growth=lambda g: wgrad_form(m).growth,
            spreads="plane",
        ),
        "cost": Cost(partial(work, m), GPU, operations=partial(wgrad_operations, m)),
        "abilities": Abilities(supports, chunked=True),
    }


@kernel("conv2d_wgrad", name="winograd_4x4", device="cuda", **declared(4))
def wgrad_4x4(x: Any, gy: Any, g: ConvGeometry) -> Any:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,3,3); accumulates in their type."""
    return wgrad(4, x, gy, g)


@kernel("conv2d_wgrad", name="winograd_2x2", device="cuda", **declared(2))
def wgrad_2x2(x: Any, gy: Any, g: ConvGeometry) -> Any:
    """The same by tiles of 2x2 pixels: twice the products, a smaller error."""
    return wgrad(2, x, gy, g)
