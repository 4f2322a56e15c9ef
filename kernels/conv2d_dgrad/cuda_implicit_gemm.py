"""Transposed convolution on CUDA by implicit GEMM, one product for each phase of the pixels.

    gx[(n h w), c] = sum over (r s k) of windows[(n h w), (r s k)] w[k, c, r, s]

where p stride + r dilation = h + pad. Pixels with the same h mod stride (and w mod stride) share
the taps r for which that has a solution p. Together their windows of gy are dense, and the flipped
form's zeros between pixels are neither multiplied nor tested for. One launch does all phases. The
factors are copied as in `conv2d/cuda_implicit_gemm.py` (Chetlur et al. 2014).

2 N K P Q C R S operations, with zeros only at the border; limited by the multiply-adds. For few
channels (an image's three) there is a narrow tile, but most of its columns are still empty.
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
    Tile("float", 64, 128, (4, 4), threads=128, resident=3, share=0.76),
    Tile("float", 64, 64, (4, 4), threads=64, resident=6, share=0.74),
    Tile("float", 64, 64, (4, 1), threads=64, resident=6, share=0.61),
    Tile("float", 64, 64, (1, 4), threads=64, resident=4, share=0.65),
    Tile("float", 64, 64, (1, 1), threads=64, resident=4, share=0.55),
    Tile("float", 128, 16, (4, 1), threads=64, resident=6, share=0.55),
    Tile("double", 64, 64, (2, 2), threads=128, resident=3, share=0.29),
    Tile("double", 64, 64, (2, 1), threads=128, resident=3, share=0.26),
    Tile("double", 64, 64, (1, 2), threads=128, resident=3, share=0.27),
    Tile("double", 64, 64, (1, 1), threads=128, resident=3, share=0.24),
)
PROGRAM = Program(__file__, entries("dgrad", TILES))


def plan(g: ConvGeometry, kind: str = "float") -> Plan:
    """The tiles of a transposed convolution, for the largest phase."""
    channels, filters = g.C // g.groups, g.K // g.groups
    (down, right), phases = g.stride, g.stride[0] * g.stride[1]
    pixels = g.N * -(-g.H // down) * -(-g.W // right)
    terms = filters * -(-g.R // down) * -(-g.S // right)
    return cheapest(
        Plan(tile, tile.cover(pixels, channels), g.groups, phases, terms)
        for tile in usable(TILES, kind, (filters, channels))
    )


def terms(g: ConvGeometry) -> float:
    """One multiply-add a tap."""
    return g.K // g.groups * g.R * g.S + 1


@kernel(
    "conv2d_dgrad",
    name="implicit_gemm",
    device="cuda",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(lambda problem: plan(problem.geometry).nanoseconds),
    abilities=Abilities(supports=supports),
)
def dgrad(gy: Any, w: Any, g: ConvGeometry) -> Any:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy)
    if 0 in (gx.size, gy.size, w.size):
        return without_products(gx)
    chosen = plan(g, ctype(gy.dtype))
    channels = g.C // g.groups
    PROGRAM.launch(
        chosen.tile.instance("dgrad"), chosen.grid, chosen.block,
        memory.nhwc(gy), memory.nhwc(w), memory.nhwc(gx), conv_struct(g),
        np.int32(channels), np.int32(g.K // g.groups), np.int32(chosen.tile.across(channels)),
    )  # fmt: skip
    return gx
