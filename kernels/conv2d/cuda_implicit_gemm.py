"""Convolution on CUDA by implicit GEMM: a tiled product of windows that are never stored.

    y[(n p q), k] = max(sum over (r s c) of windows[(n p q), (r s c)] w[k, (r s c)] + bias[k], 0)

The factors are copied slice by slice through shared memory into registers
(`kernels/cuda/include/tiles.cuh`; Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning",
2014, arXiv 1410.0759, section 3). If the channels of a group are a multiple of four (two in
float64), 16 bytes are loaded at a time. 2 N K P Q C R S operations, limited by the multiply-adds;
x, w and y move once if the caches hold what is reused. With few filters per group most columns of a
tile are empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.cuda import Program, conv_struct, ctype
from kernels.cuda.tiles import Plan, Tile, cheapest, entries, supports, usable

TILES = (
    Tile("float", 128, 128, (4,), threads=256, resident=2, share=0.82),
    Tile("float", 64, 64, (4,), threads=64, resident=6, share=0.78),
    Tile("float", 64, 128, (1,), threads=128, resident=3, share=0.73),
    Tile("float", 64, 64, (1,), threads=64, resident=4, share=0.64),
    Tile("double", 64, 64, (2,), threads=128, resident=3, share=0.32),
    Tile("double", 64, 64, (1,), threads=128, resident=3, share=0.3),
)
PROGRAM = Program(__file__, entries("fprop", TILES))


def plan(g: ConvGeometry, kind: str = "float") -> Plan:
    """The tiles of a convolution in "float" or "double"."""
    channels, filters = g.C // g.groups, g.K // g.groups
    pixels, terms = g.N * g.P * g.Q, channels * g.R * g.S
    return cheapest(
        Plan(tile, tile.cover(pixels, filters), g.groups, 1, terms)
        for tile in usable(TILES, kind, (channels,))
    )


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: one multiply-add a tap, the bias."""
    return g.C // g.groups * g.R * g.S + 1


@kernel(
    "conv2d",
    name="implicit_gemm",
    device="cuda",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(lambda problem: plan(problem.geometry).nanoseconds),
    abilities=Abilities(supports=supports, rectifies=True),
)
def forward(
    x: Any, w: Any, g: ConvGeometry, *, bias: Any | None = None, rectify: bool = False
) -> Any:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if 0 in (x.size, y.size, w.size):
        return without_products(y, bias, rectify)
    chosen = plan(g, ctype(x.dtype))
    filters = g.K // g.groups
    PROGRAM.launch(
        chosen.tile.instance("fprop"), chosen.grid, chosen.block,
        memory.nhwc(x), memory.nhwc(w), bias, memory.nhwc(y), conv_struct(g),
        np.int32(g.C // g.groups), np.int32(filters), np.int32(chosen.tile.across(filters)),
        np.int32(rectify),
    )  # fmt: skip
    return y
