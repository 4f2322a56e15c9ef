"""The weights' gradient by Winograd tiles: the transpose of `conv2d/winograd_tiles.py` in w.

    gw = G^T [sum over tiles of (B^T d B) o (A gy A^T)] G

The tiles, points and phases of the forward pass; at each point one product (C,T) x (T,K) over the
tiles of a chunk is added to what the chunks before gave, and at the end the sums are transformed to
taps. As many products as the forward pass; the sums of 36 points are read and written once a chunk.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernels import memory, threads
from kernels.direct import without_products
from kernels.geometry import ConvGeometry
from kernels.registry import kernel
from kernels.vector import LINE, lanes
from kernels.winograd_layout import BEGINS, CHANNELS, DEPTHS, IMAGE, ROWS, layout
from kernels.winograd_passes import transform_input
from kernels.winograd_plan import Chunk, Plan, fprop_plan, supports
from kernels.winograd_tiles import Sides, chunks_of, panels, shares, time_of
from kernels.winograd_weights import accumulate, transform_gradient, transform_weights


def plan_of(g: ConvGeometry) -> tuple[Plan, Sides]:
    return fprop_plan(replace(g, N=1)), Sides(g.C // g.groups, g.K // g.groups)


def cost(g: ConvGeometry) -> float:
    """As of the forward pass, and the sums transformed to taps at 1 an element."""
    plan, sides = plan_of(g)
    sums = int(plan.phases_at.sum()) * sides.inputs * sides.outputs
    return (time_of(plan, sides, g.N) + 1.0 * sums) * g.groups


def amplified_roundings(g: ConvGeometry) -> float:
    """As of the forward pass (`winograd_tiles.roundings`), with a sum over tiles for channels."""
    plan, _ = plan_of(g)
    tiles = g.N * len(plan.rows.tiles) * len(plan.columns.tiles)
    return plan.amplification * (tiles + plan.transform_roundings)


@kernel(
    "conv2d_wgrad",
    name="winograd_tiles",
    exact=False,
    supports=supports,
    cost=cost,
    error_bound=amplified_roundings,
    norm_wise=True,
    amplification=lambda g: plan_of(g)[0].amplification,
    spreads="plane",
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    (plan, sides), wide = plan_of(g), 3 * lanes(x.dtype)
    depth = plan.phases_at * panels(sides.inputs, LINE)
    sizes = depth * panels(sides.outputs, wide) * LINE * wide
    begins = LINE * wide + np.cumsum([0, *sizes[:-1]])
    W = memory.empty((LINE * wide + int(sizes.sum()),), x.dtype)
    W[: LINE * wide] = 0  # what points without a sum read
    for group in range(g.groups):
        for i, part in enumerate(chunks_of(plan, sides, g.N, x.itemsize)):
            _add_chunk(x, gy, group, (W, begins), plan, sides, part, i > 0)
        told = plan.tables | {CHANNELS: sides.of_group(group), DEPTHS: depth, BEGINS: begins}
        transform_weights(W, layout(told), memory.nhwc(gw))
    return gw


def _add_chunk(
    x: np.ndarray,
    gy: np.ndarray,
    group: int,
    sums: tuple[np.ndarray, np.ndarray],
    plan: Plan,
    sides: Sides,
    part: Chunk,
    add: bool,
) -> None:
    """Write the sums of this chunk's tiles, or add to them."""
    parts, wide = threads.get_num_threads(), 3 * lanes(x.dtype)
    rows, out_panels = part.rows, panels(sides.outputs, wide)
    depth = plan.phases_at * panels(sides.inputs, LINE)
    v_sizes, y_sizes = depth * rows * LINE, out_panels * rows * wide
    v_begins = np.cumsum([0, *v_sizes[:-1]])
    y_begins = wide + np.cumsum([0, *y_sizes[:-1]])
    V = memory.empty((int(v_sizes.sum()),), x.dtype)
    Y = memory.empty((wide + int(y_sizes.sum()),), x.dtype)
    told = plan.tables | part.tables() | {CHANNELS: sides.of_group(group), ROWS: rows}
    of_x = layout(told | {IMAGE: np.array(memory.nhwc(x).shape), BEGINS: v_begins})
    transform_input(memory.flat(x), of_x, V, parts)
    of_gy = layout(told | {IMAGE: np.array(memory.nhwc(gy).shape), BEGINS: y_begins})
    transform_gradient(memory.flat(gy), of_gy, Y, parts)
    bounds = shares(np.repeat(rows * depth, out_panels), parts)
    accumulate(V, v_begins, Y, y_begins, *sums, rows, depth, out_panels, bounds, add)
