"""Gradient of the weights on CUDA by implicit GEMM, with the sum over pixels split (split-K).

    gw[k, (r s c)] = sum over (n p q) of gy[(n p q), k] windows[(n p q), (r s c)]

The sums over all pixels of a batch are long and few: a layer of 256 filters of 3 x 3 x 256 has 36
tiles of 128 x 128, for 108 multiprocessors or more. So the pixels are cut into parts. Each part of
each tile is a block, and a second kernel adds the parts' sums in order. The number of parts depends
on the geometry alone. The factors are copied as in `conv2d/cuda_implicit_gemm.py` (Chetlur et al.
2014).

2 N K P Q C R S operations, limited by the multiply-adds; K C R S elements are written and read for
each part. The parts also shorten the chains of roundings.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.cuda import Entry, Program, conv_struct, ctype
from kernels.cuda.grids import blocks, threads
from kernels.cuda.rates import LAUNCH, moved
from kernels.cuda.tiles import (
    MULTIPROCESSORS,
    Plan,
    Tile,
    cheapest,
    entries,
    supports,
    usable,
)

TILES = (
    Tile("float", 128, 128, (4, 4), threads=256, resident=2, share=0.82),
    Tile("float", 128, 128, (4, 1), threads=256, resident=2, share=0.7),
    Tile("float", 64, 64, (4, 4), threads=64, resident=6, share=0.77),
    Tile("float", 64, 64, (4, 1), threads=64, resident=6, share=0.58),
    Tile("float", 64, 64, (1, 4), threads=64, resident=6, share=0.73),
    Tile("float", 64, 64, (1, 1), threads=64, resident=6, share=0.56),
    Tile("double", 64, 64, (2, 2), threads=128, resident=3, share=0.3),
    Tile("double", 64, 64, (2, 1), threads=128, resident=3, share=0.26),
    Tile("double", 64, 64, (1, 2), threads=128, resident=3, share=0.3),
    Tile("double", 64, 64, (1, 1), threads=128, resident=3, share=0.25),
)
BLOCK = 256
SLICE = 8
"""Pixels that a block multiplies at a time; every part but the last is whole slices."""
LEAST = 32 * SLICE
"""Fewest pixels of a part: with fewer, writing its sums would take longer than computing them."""
PROGRAM = Program(
    __file__,
    entries("wgrad", TILES)
    | {f"add_parts<{kind}>": Entry((BLOCK, 1, 1)) for kind in ("float", "double")},
)


def parts(g: ConvGeometry, tile: Tile) -> int:
    """The number of parts of the pixels: enough to give every multiprocessor its blocks."""
    tiles = tile.cover(g.K // g.groups, g.C // g.groups * g.R * g.S) * g.groups
    wanted = MULTIPROCESSORS * tile.resident // tiles
    each = part_length(g, max(1, min(wanted, g.N * g.P * g.Q // LEAST)))
    return -(-g.N * g.P * g.Q // each)


def part_length(g: ConvGeometry, count: int) -> int:
    """Pixels of each of `count` parts, in whole slices."""
    return -(-g.N * g.P * g.Q // (count * SLICE)) * SLICE


def plan(g: ConvGeometry, kind: str = "float") -> Plan:
    """The tiles of the weights' gradient, and its parts."""
    channels, filters = g.C // g.groups, g.K // g.groups
    cut = {tile: parts(g, tile) for tile in usable(TILES, kind, (filters, channels))}
    return cheapest(
        Plan(
            tile, tile.cover(filters, channels * g.R * g.S), g.groups, count, part_length(g, count)
        )
        for tile, count in cut.items()
    )


def nanoseconds(problem: Problem) -> float:
    """Time of the tiles (`kernels/cuda/tiles.py`) and of the parts' memory traffic."""
    g = problem.geometry
    if g.macs == 0:
        return LAUNCH
    chosen = plan(g)
    adding = LAUNCH + moved((chosen.parts + 1) * math.prod(g.w_shape))
    return chosen.nanoseconds + (adding if chosen.parts > 1 else 0)


def terms(g: ConvGeometry) -> float:
    """One multiply-add an output pixel, and one sum per part."""
    return max(g.N * g.P * g.Q, 1) + 1


@kernel(
    "conv2d_wgrad",
    name="implicit_gemm",
    device="cuda",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(nanoseconds),
    abilities=Abilities(supports=supports),
)
def wgrad(x: Any, gy: Any, g: ConvGeometry) -> Any:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC", like=x)
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    chosen = plan(g, ctype(x.dtype))
    if chosen.parts == 1:
        _sum_parts(x, gy, g, chosen, memory.nhwc(gw))
    else:
        sums = memory.empty((chosen.parts, gw.size), x.dtype, like=x)
        _sum_parts(x, gy, g, chosen, sums)
        _add_parts(sums, memory.nhwc(gw))
    return gw


def _sum_parts(x: Any, gy: Any, g: ConvGeometry, chosen: Plan, sums: Any) -> None:
    """sums (parts,K,R,S,C/groups) = the sums of each part."""
    channels = g.C // g.groups
    PROGRAM.launch(
        chosen.tile.instance("wgrad"), chosen.grid, chosen.block,
        memory.nhwc(x), memory.nhwc(gy), sums, conv_struct(g),
        np.int32(channels), np.int32(g.K // g.groups),
        np.int32(chosen.tile.across(channels * g.R * g.S)), np.int32(chosen.terms),
    )  # fmt: skip


def _add_parts(sums: Any, gw: Any) -> None:
    """gw (K,R,S,C/groups) = the parts of `sums` (parts,KRSC/groups), added in order."""
    parts, count = sums.shape
    each = threads(BLOCK)
    PROGRAM.launch(
        f"add_parts<{ctype(gw.dtype)}>", (blocks(count, each), 1, 1), (each, 1, 1),
        sums, gw, np.int64(count), np.int32(parts),
    )  # fmt: skip
