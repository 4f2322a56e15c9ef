"""The weights' gradient by Winograd tiles: the transpose of `conv2d/winograd_tiles.py` in w.

    gw = G^T [sum over tiles of (B^T d B) o (A gy A^T)] G

The tiles, points and phases of the forward pass; at each point one product (K,T) x (T,C) over the
tiles of a chunk is added to what the chunks before gave, and at the end the sums are transformed to
taps. As many products as the forward pass; the points' sums are read and written once a chunk.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import without_products
from kernels.cpu.vector import LINE, lanes
from kernels.winograd.layout import BEGINS, CHANNELS, WIDE, layout
from kernels.winograd.operations import of_tiles_wgrad
from kernels.winograd.passes import transform_input
from kernels.winograd.plan import Plan, fprop_plan, supports
from kernels.winograd.tiles import Packing, Sides, apart, jobs, panels, work_of
from kernels.winograd.weights import accumulate, transform_gradient, transform_weights


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
    lines, wide = panels(sides.outputs, LINE), width(sides.inputs, x.dtype)
    begins, size, told = sums_of(plan, sides, g.groups, wide)
    W = memory.empty((size,), x.dtype)
    shapes, parts = (memory.nhwc(x).shape, memory.nhwc(gy).shape), threads.get_num_threads()
    packing = Packing(wide, LINE, 1, by_outputs=False)
    chunks = jobs(plan, sides, *shapes, g.groups, x.dtype, parts, memory.chunk(), packing)
    for group in range(g.groups):
        for i, job in enumerate(chunks):
            V = memory.empty((job.read_size,), x.dtype)
            Y = memory.empty((job.written_size,), x.dtype)
            transform_input(memory.flat(x), job.reads[group], V, parts)
            transform_gradient(memory.flat(gy), job.writes[group], Y, parts)
            accumulate(Y, job.m_begins, V, job.v_begins, W, begins, job.rows, lines, wide,
                       job.units, job.bounds, i > 0)  # fmt: skip
        transform_weights(W, told[group], memory.nhwc(gw))
    return gw


def width(channels: int, dtype: np.dtype) -> int:
    """Channels of a panel: three vectors, or two where those leave fewer places empty."""
    three, two = (vectors * lanes(dtype) for vectors in (3, 2))
    return three if up(channels, three) <= up(channels, two) else two


@lru_cache(maxsize=128)
def sums_of(
    plan: Plan, sides: Sides, groups: int, wide: int
) -> tuple[np.ndarray, int, tuple[np.ndarray, ...]]:
    """Of the sums: where each point's begin (points,), elements in all; each group's tables for the
    way back to taps."""
    sizes = plan.phases_at * panels(sides.inputs, wide) * panels(sides.outputs, LINE) * LINE * wide
    begins, size = apart(sizes)
    tables = plan.tables | {WIDE: np.array([wide]), BEGINS: begins}
    told = tuple(layout(tables | {CHANNELS: sides.of_group(group)}) for group in range(groups))
    return begins, size, told
