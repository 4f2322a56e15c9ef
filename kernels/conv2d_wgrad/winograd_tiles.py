"""Weights' gradient by Winograd tiles: the transpose of `conv2d/winograd_tiles.py` in w.

    gw = G^T [sum over tiles of (B^T d B) o (A gy A^T)] G

The tiles, points and phases of the forward pass; at each point one matrix product (K,T) x (T,C)
over the T tiles of a chunk is added to the sums W of the chunks before, and at the end W is
transformed to taps. As many products as the forward pass; W, 64 / 9 of gw for 3x3 taps, is read and
written once per chunk. Limited by multiply-adds, for few tiles by W's way through memory.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.cpu.vector import KR, lanes
from kernels.winograd.input_transform import transform_input
from kernels.winograd.jobs import Packing, Sides, apart, jobs, panels
from kernels.winograd.layout import Panels, Taps, pack
from kernels.winograd.operations import of_tiles_wgrad
from kernels.winograd.plan import Plan, fprop_plan, supports
from kernels.winograd.products import accumulate
from kernels.winograd.tiles import work_of
from kernels.winograd.weights import transform_gradient, transform_weights


def plan_of(g: ConvGeometry) -> tuple[Plan, Sides]:
    return fprop_plan(replace(g, N=1)), Sides(g.C // g.groups, g.K // g.groups)


def work(problem: Problem) -> Work:
    g = problem.geometry
    return work_of(*plan_of(g), g, written=True)


def amplified_roundings(g: ConvGeometry) -> float:
    """As of the forward pass (`winograd_tiles.roundings`), with a sum over tiles for channels."""
    plan, _ = plan_of(g)
    tiles = g.N * len(plan.rows.tiles) * len(plan.columns.tiles)
    return plan.amplification * (tiles + plan.transform_roundings)


@kernel(
    "conv2d_wgrad",
    name="winograd_tiles",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: plan_of(g)[0].amplification,
        growth=lambda g: plan_of(g)[0].growth,
        spreads="plane",
    ),
    cost=Cost(
        work, "conv2d_wgrad winograd_tiles", operations=lambda g: of_tiles_wgrad(plan_of(g)[0], g)
    ),
    abilities=Abilities(supports=lambda problem: supports(problem.geometry), chunked=True),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    plan, sides = plan_of(g)
    packing = Packing(width(sides.inputs, x.dtype), KR, 1, by_outputs=False)
    size, sums = sums_of(plan, sides, g, packing.inputs)
    W = memory.empty((size,), x.dtype)
    shapes = memory.nhwc(x).shape, memory.nhwc(gy).shape
    chunks = jobs(plan, sides, *shapes, g.groups, x.dtype, memory.chunk(), packing)
    for group in range(g.groups):
        for i, job in enumerate(chunks):
            V = memory.empty((job.read_size,), x.dtype)
            Y = memory.empty((job.written_size,), x.dtype)
            transform_input(memory.flat(x), job.reads[group], V, job.pieces)
            transform_gradient(memory.flat(gy), job.writes[group], Y, job.pieces)
            accumulate(Y, V, W, sums[group], job.parameters, job.parts, i > 0)
        transform_weights(W, sums[group], memory.flat(gw))
    return gw


def width(channels: int, dtype: np.dtype) -> int:
    """Channels of a panel: three vectors, or two where those leave fewer places empty."""
    three, two = (vectors * lanes(dtype) for vectors in (3, 2))
    return three if up(channels, three) <= up(channels, two) else two


@lru_cache(maxsize=128)
def sums_of(
    plan: Plan, sides: Sides, g: ConvGeometry, width: int
) -> tuple[int, tuple[np.ndarray, ...]]:
    """The elements of W, and each group's parameters: how it is packed, and the taps of gw."""
    rows = plan.phases_at * panels(sides.outputs, KR) * KR
    lines = np.full_like(rows, panels(sides.outputs, KR) * KR)
    begins, size = apart(rows * panels(sides.inputs, width) * width)
    matrices, C = Panels(begins, lines, width), sides.inputs
    strides = g.R * g.S * C, 1, g.S * C, C
    firsts = [group * sides.outputs for group in range(g.groups)]
    taps = [Taps(sides.outputs, C, *strides, first_output=first) for first in firsts]
    return size, tuple(pack(plan.tiling, matrices, of_group) for of_group in taps)
