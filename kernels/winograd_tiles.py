"""A stride-1 convolution by Winograd tiles, for fprop and dgrad: filters first, then chunks.

The tiles of a batch are taken in chunks whose transforms stay in the last cache. Of each chunk all
threads make the input's transform, then the 36 matrix products, then the output's transform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels import memory, threads
from kernels.vector import LINE, TALL, lanes
from kernels.winograd_filters import transform_filter
from kernels.winograd_layout import BEGINS, CHANNELS, DEPTHS, IMAGE, ROWS, STRIDES, layout
from kernels.winograd_passes import multiply, transform_input, transform_output
from kernels.winograd_plan import Chunk, Plan, chunk

CHUNK_BYTES = 24 << 20


@dataclass(frozen=True)
class Sides:
    """Channels of one group, in and out."""

    inputs: int
    outputs: int

    def of_group(self, group: int) -> np.ndarray:
        """First input channel and how many, first output channel and how many."""
        return np.array([group * self.inputs, self.inputs, group * self.outputs, self.outputs])


@dataclass(frozen=True, eq=False)
class Filters:
    """U of every group, packed; `begins` (36,) where each point's matrix begins."""

    packed: tuple[np.ndarray, ...]
    begins: np.ndarray

    @property
    def nbytes(self) -> int:
        return sum(u.nbytes for u in self.packed)


def panels(count: int, wide: int) -> int:
    return -(-count // wide)


def prepare(
    w: np.ndarray,
    plan: Plan,
    groups: int,
    sides: Sides,
    strides: tuple[int, int, int, int],
) -> Filters:
    """U = G w G^T of weights in flat memory.

    strides: elements from an output channel to the next, an input channel, a row and a column of
    taps; a group's weights follow each other.
    """
    each = w.size // groups
    wide = 2 * lanes(w.dtype)
    depth = plan.phases_at * panels(sides.inputs, LINE)
    sizes = len(plan.out_phases) * panels(sides.outputs, wide) * depth * LINE * wide
    begins = LINE * wide + np.cumsum([0, *sizes[:-1]])
    told = layout(plan.tables | {CHANNELS: sides.of_group(0), STRIDES: np.array(strides),
                                 DEPTHS: depth, BEGINS: begins})  # fmt: skip
    packed = []
    for group in range(groups):
        U = memory.empty((LINE * wide + int(sizes.sum()),), w.dtype)
        transform_filter(memory.flat(w)[group * each :], told, U)
        packed.append(U)
    return Filters(tuple(packed), begins)


def convolve(
    x: np.ndarray,
    filters: Filters,
    y: np.ndarray,
    plan: Plan,
    sides: Sides,
    bias: np.ndarray | None = None,
    rectify: bool = False,
) -> None:
    """Write y (N,K,P,Q) = x (N,C,H,W) convolved as `plan` says, plus bias (K,), rectified."""
    bias = np.zeros(y.shape[1], x.dtype) if bias is None else bias
    for part in chunks_of(plan, sides, x.shape[0], x.itemsize):
        _one_chunk(x, filters, y, plan, sides, bias, rectify, part)


def chunks_of(plan: Plan, sides: Sides, images: int, itemsize: int) -> list[Chunk]:
    """The batch in chunks of about one size, whose transforms take CHUNK_BYTES at most."""
    bands = images * len(plan.rows.tiles)
    most = max(1, min(bands, CHUNK_BYTES // _band_bytes(plan, sides, itemsize)))
    count = -(-bands // most)
    return [chunk(plan, bands * i // count, bands * (i + 1) // count) for i in range(count)]


def _band_bytes(plan: Plan, sides: Sides, itemsize: int) -> int:
    """Of the transforms of one row of the largest tiles, in and out."""
    rows = chunk(plan, 0, 1).rows
    each = plan.phases_at * sides.inputs + len(plan.out_phases) * sides.outputs
    return int((rows * each).sum()) * itemsize


def _one_chunk(
    x: np.ndarray,
    filters: Filters,
    y: np.ndarray,
    plan: Plan,
    sides: Sides,
    bias: np.ndarray,
    rectify: bool,
    part: Chunk,
) -> None:
    parts, wide = threads.get_num_threads(), 2 * lanes(x.dtype)
    rows = -(-part.rows // TALL) * TALL  # whole tiles of the micro-kernel
    in_panels, out_panels = panels(sides.inputs, LINE), panels(sides.outputs, wide)
    all_panels = len(plan.out_phases) * out_panels
    depth = plan.phases_at * in_panels
    v_sizes, m_sizes = depth * rows * LINE, all_panels * rows * wide
    v_begins = np.cumsum([0, *v_sizes[:-1]])
    m_begins = wide + np.cumsum([0, *m_sizes[:-1]])
    V = memory.empty((int(v_sizes.sum()),), x.dtype)
    M = memory.empty((wide + int(m_sizes.sum()),), x.dtype)
    M[:wide] = 0
    bounds = shares(np.repeat(rows * depth, all_panels), parts)
    for group, U in enumerate(filters.packed):
        channels = sides.of_group(group)
        told = plan.tables | part.tables() | {CHANNELS: channels, ROWS: rows}
        read = layout(told | {IMAGE: np.array(memory.nhwc(x).shape), BEGINS: v_begins})
        transform_input(memory.flat(x), read, V, parts)
        multiply(V, v_begins, U, filters.begins, M, m_begins, rows, depth, all_panels, bounds)
        written = layout(told | {IMAGE: np.array(memory.nhwc(y).shape), BEGINS: m_begins})
        transform_output(M, memory.flat(y), bias, rectify, written, parts)


def shares(work: np.ndarray, parts: int) -> np.ndarray:
    """(parts + 1,) int64: bounds that cut the units of `work` into shares of about the same sum."""
    done = np.concatenate([[0], np.cumsum(work)])
    return np.searchsorted(done, done[-1] * np.arange(parts + 1) / parts).astype(np.int64)


def time_of(plan: Plan, sides: Sides, images: int) -> float:
    """Nanoseconds of one group on one core: products at 75 operations each, transforms at 12
    elements, and the transformed filters read at 8, which bounds small batches."""
    products = images * plan.products * sides.inputs * sides.outputs
    out_phases = len(plan.out_phases)
    each = -(-sides.inputs // LINE) * LINE + out_phases * (-(-sides.outputs // 16) * 16)
    points = images * plan.products / out_phases
    filters = 4 * int(plan.phases_at.sum()) * sides.inputs * sides.outputs * out_phases
    return 2 * products / 75 + points * each / 12 + filters / 8 + 2e4


def roundings(plan: Plan, sides: Sides) -> float:
    """The norm-wise bound, from the matrices and a count of roundings; eps is 2 u.

        |error of y[n,k,p,q]| <= amplification roundings eps
            (sum over c of max|x[n,c]| sum over r,s of |w[k,c,r,s]| + |bias[k]|)

    On the way of any one term into y there are at most n roundings on each side of each of the
    three transforms, with n <= 6 points; one for each channel and phase of the product; the bias.
    The matrices' entries are exact but for G's, whose rounding counts as one more each. The sum of
    an output's absolute terms is at most `amplification` times the parenthesis: over a tile and a
    channel |B^T| |d| |B| is at most the row sums of |B^T| times max|x|, and |G| |w| |G^T| the
    largest of a row of |G| times the sum of |w|; |A^T| adds the points (Higham, "Accuracy and
    Stability of Numerical Algorithms", sections 3.1 and 3.5; `toom_cook.amplification`).
    """
    return plan.amplification * (sides.inputs * len(plan.phases) + plan.transform_roundings + 3)
