"""Winograd's convolutions F(4x4, 3x3) and F(2x2, 3x3) on CUDA, with cuBLAS for the products.

    y = A^T [ (G w G^T) . (B^T d B) ] A     for each tile d of (m + 2)^2 pixels: m x m pixels of y

(Lavin, Gray: "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv 1509.09308; read
`winograd.py` beside this file first.) The element-wise products are summed over channels: one
matrix product, tiles x channels times channels x filters, at each of the (m + 2)^2 points of a
tile; all of them are one batched call. 2 N K C (m + 2)^2 ceil(P/m) ceil(Q/m) operations, 1/4 of the
definition's for m = 4 and 1/2.25 for m = 2, whose error is smaller (`kernels/cuda/winograd.py`).

The transforms write and read (m + 2)^2 / m^2 times the memory of x and of y: 2.25 times for m = 4,
4 times for m = 2. They are the limit if there are few channels, since each transformed element
takes part in only K or C products. Chunks of the batch that stay in the L2 cache keep this traffic
from global memory. With many channels cuBLAS's products are the limit.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.cuda import Entry, Program, conv_struct, ctype, product
from kernels.cuda.grids import blocks
from kernels.cuda.packs import PACKS, pack
from kernels.cuda.rates import GPU
from kernels.cuda.winograd import (
    SIZES,
    chunks,
    fprop_form,
    fprop_operations,
    points,
    supports,
    work,
)

TILES = Entry(block=(128, 1, 1))
FILTERS = Entry(block=(32, 8, 1))
MOST_DOWN = 65535
"""Blocks that CUDA allows along the grid's second axis."""

PROGRAM = Program(
    __file__,
    {
        f"transform_{side}<{name}, {m}, {lanes}>": TILES
        for side in ("input", "output")
        for name, (_, wide) in PACKS.items()
        for lanes in (wide, 1)
        for m in SIZES
    }
    | {
        f"transform_filter<{name}, {m}, {flip}>": FILTERS
        for name in PACKS
        for m in SIZES
        for flip in ("false", "true")
    },
)


def transform_filter(m: int, w: Any, g: ConvGeometry, flip: bool = False) -> Any:
    """U = G w G^T of w (K,C/groups,3,3): (points groups, C/groups, K/groups).

    flip: the filter of dgrad, rotated by 180 degrees, channels swapped: (.., K/groups, C/groups).
    """
    ins, outs = g.C // g.groups, g.K // g.groups
    in_step, out_step, tap_step = 1, g.R * g.S * ins, ins
    if flip:
        ins, outs, in_step, out_step = outs, ins, out_step, in_step
    U = memory.empty((points(m) * g.groups, ins, outs), w.dtype, like=w)
    name = f"transform_filter<{ctype(w.dtype)}, {m}, {str(flip).lower()}>"
    across, down, _ = FILTERS.block
    grid = -(-outs // across), min(blocks(g.groups * ins, down), MOST_DOWN), 1
    sizes = np.int32(g.groups), np.int32(ins), np.int32(outs)
    steps = np.int64(out_step), np.int64(in_step), np.int64(tap_step)
    if U.size:
        PROGRAM.launch(name, grid, FILTERS.block, memory.nhwc(w), U, *sizes, *steps)
    return U


def transform_input(m: int, x: Any, g: ConvGeometry, first: int, tiles: int) -> Any:
    """V = B^T d B of `tiles` tiles of x (N,C,H,W): (points groups, tiles, C/groups)."""
    channels = g.C // g.groups
    V = memory.empty((points(m) * g.groups, tiles, channels), x.dtype, like=x)
    lanes = pack(channels, memory.nhwc(x), V)[1]
    chunk = conv_struct(g), np.int64(first), np.int32(tiles)
    _launch("input", m, lanes, tiles * g.C // lanes, memory.nhwc(x), V, *chunk)
    return V


def transform_output(
    m: int, M: Any, y: Any, g: ConvGeometry, first: int, tiles: int, bias: Any, rectify: bool
) -> None:
    """Write tiles of y (N,K,P,Q) = A^T M A + bias, from M (points groups, tiles, K/groups)."""
    arrays = M, bias, memory.nhwc(y)
    lanes = pack(g.K // g.groups, *(a for a in arrays if a is not None))[1]
    chunk = conv_struct(g), np.int64(first), np.int32(tiles), np.int32(rectify)
    _launch("output", m, lanes, tiles * g.K // lanes, *arrays, *chunk)


def _launch(side: str, m: int, lanes: int, threads: int, *arguments: Any) -> None:
    """One thread for `lanes` channels of a tile; the type is that of the first argument."""
    name = f"transform_{side}<{ctype(arguments[0].dtype)}, {m}, {lanes}>"
    grid = -(-threads // TILES.block[0]), 1, 1
    PROGRAM.launch(name, grid, TILES.block, *arguments)


def convolve(
    m: int, x: Any, U: Any, y: Any, g: ConvGeometry, bias: Any = None, rectify: bool = False
) -> Any:
    """y (N,K,P,Q), written: x (N,C,H,W) convolved with the filters U, plus bias (K,), rectified."""
    for first, tiles in chunks(m, g, x.dtype):
        V = transform_input(m, x, g, first, tiles)
        # (36 G,T,C/G) x (36 G,C/G,K/G) -> (36 G,T,K/G), or 16 for 36
        transform_output(m, product(V, U), y, g, first, tiles, bias, rectify)
    return y


def forward(
    m: int, x: Any, w: Any, g: ConvGeometry, bias: Any, rectify: bool, prepared: Any
) -> Any:
    """The convolution by tiles of m x m pixels of y."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if 0 in (x.size, y.size, w.size):
        return without_products(y, bias, rectify)
    U = transform_filter(m, w, g) if prepared is None else prepared
    return convolve(m, x, U, y, g, bias, rectify)


def declared(m: int) -> dict[str, Any]:
    """The declarations of the kernel with tiles of m x m."""
    prepare = partial(transform_filter, m)
    return {
        "accuracy": Accuracy(
            exact=False,
            bound=lambda g: fprop_form(m).bound(g.C // g.groups),
            norm_wise=True,
            amplification=lambda g: fprop_form(m).amplification,
            growth=lambda g: fprop_form(m).growth,
            spreads="plane",
        ),
        "cost": Cost(
            lambda problem: work(m, problem.geometry), GPU, operations=partial(fprop_operations, m)
        ),
        "abilities": Abilities(supports, prepare, rectifies=True, chunked=True),
    }


@kernel("conv2d", name="winograd_4x4", device="cuda", **declared(4))
def forward_4x4(
    x: Any,
    w: Any,
    g: ConvGeometry,
    *,
    bias: Any = None,
    rectify: bool = False,
    prepared: Any = None,
) -> Any:
    """x (N,C,H,W), w (K,C/groups,3,3), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type. NaN and infinity come out as NaN in their whole tile.
    """
    return forward(4, x, w, g, bias, rectify, prepared)


@kernel("conv2d", name="winograd_2x2", device="cuda", **declared(2))
def forward_2x2(
    x: Any,
    w: Any,
    g: ConvGeometry,
    *,
    bias: Any = None,
    rectify: bool = False,
    prepared: Any = None,
) -> Any:
    """The same by tiles of 2x2 pixels: twice the products, an error bound 50 times smaller."""
    return forward(2, x, w, g, bias, rectify, prepared)
