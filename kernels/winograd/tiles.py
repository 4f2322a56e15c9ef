"""A stride-1 convolution by Winograd tiles, for fprop and dgrad: filters first, then chunks.

The tiles of a batch are taken in chunks whose transforms stay in the last cache. Of each chunk all
threads make the input's transform, then the matrix products, then the output's transform. Of
few tiles the filters are not transformed first but on their way into the products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kernels.contract import memory, threads
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.micro_kernel import SHORT
from kernels.cpu.vector import LINE, lanes
from kernels.winograd.filters import multiply_once, transform_filter
from kernels.winograd.layout import BEGINS, CHANNELS, DEPTHS, IMAGE, ROWS, STRIDES, WIDE, layout
from kernels.winograd.passes import multiply, transform_input, transform_output
from kernels.winograd.plan import Chunk, Plan, chunk

FEW = 64
"""Tiles for which writing the transformed filters to memory costs more than it saves."""
ONCE = 0.5
"""Of what they cost, what they do where they are not written."""


@dataclass(frozen=True)
class Sides:
    """Channels of one group, in and out."""

    inputs: int
    outputs: int

    def of_group(self, group: int) -> np.ndarray:
        """First input channel and how many, first output channel and how many."""
        return np.array([group * self.inputs, self.inputs, group * self.outputs, self.outputs])


@dataclass(frozen=True, eq=False)
class Weights:
    """The filters as they are, `w` flat in memory; a group's follow each other.

    strides: elements from an output channel to the next, an input channel, a row and a column of
    taps.
    """

    w: np.ndarray
    groups: int
    strides: tuple[int, int, int, int]

    def of_group(self, group: int) -> np.ndarray:
        each = self.w.size // self.groups
        return self.w[group * each :]


@dataclass(frozen=True, eq=False)
class Filters:
    """U of every group, packed; `begins` (points,) where each point's matrix begins."""

    packed: tuple[np.ndarray, ...]
    begins: np.ndarray

    @property
    def nbytes(self) -> int:
        return sum(u.nbytes for u in self.packed)

    @property
    def groups(self) -> int:
        return len(self.packed)


def panels(count: int, wide: int) -> int:
    return -(-count // wide)


def prepare(weights: Weights, plan: Plan, sides: Sides) -> Filters:
    """U = G w G^T."""
    begins, size, told = _filters_of(plan, sides, weights.strides, weights.w.dtype)
    packed = []
    for group in range(weights.groups):
        U = memory.empty((size,), weights.w.dtype)
        transform_filter(weights.of_group(group), told, U, threads.get_num_threads())
        packed.append(U)
    return Filters(tuple(packed), begins)


@lru_cache(maxsize=128)
def _filters_of(
    plan: Plan, sides: Sides, strides: tuple[int, int, int, int], dtype: np.dtype
) -> tuple[np.ndarray, int, np.ndarray]:
    """Where each point's filters begin (points,), elements in all, and the transform's tables."""
    wide = 2 * lanes(dtype)
    depth = plan.phases_at * panels(sides.inputs, LINE)
    sizes = len(plan.out_phases) * panels(sides.outputs, wide) * depth * LINE * wide
    begins, size = apart(sizes)
    told = plan.tables | {CHANNELS: sides.of_group(0), STRIDES: np.array(strides),
                          DEPTHS: depth, BEGINS: begins}  # fmt: skip
    return begins, size, layout(told)


def apart(sizes: np.ndarray) -> tuple[np.ndarray, int]:
    """Where matrices of these sizes begin (points,), one after the other, and all their elements.

    A line more from each to the next: sizes are multiples of what a cache's sets repeat after, and
    the same place of every matrix, which a transform touches at once, would fall on a few sets.
    """
    begins = np.cumsum([0, *(sizes + LINE)])
    return begins[:-1], int(begins[-1])


def convolve(
    x: np.ndarray,
    filters: Filters | Weights,
    y: np.ndarray,
    plan: Plan,
    sides: Sides,
    bias: np.ndarray | None = None,
    rectify: bool = False,
) -> None:
    """Write y (N,K,P,Q) = x (N,C,H,W) convolved as `plan` says, plus bias (K,), rectified."""
    if isinstance(filters, Weights) and not few_tiles(plan, len(x)):
        filters = prepare(filters, plan, sides)
    bias = np.zeros(y.shape[1], x.dtype) if bias is None else bias
    shapes, parts = (memory.nhwc(x).shape, memory.nhwc(y).shape), threads.get_num_threads()
    for job in jobs(plan, sides, *shapes, filters.groups, x.dtype, parts,
                    memory.chunk()):  # fmt: skip
        V = memory.empty((job.read_size,), x.dtype)
        M = memory.empty((job.written_size,), x.dtype)
        for group, (read, written) in enumerate(zip(job.reads, job.writes, strict=True)):
            transform_input(memory.flat(x), read, V, parts)
            if isinstance(filters, Filters):
                multiply(V, job.v_begins, filters.packed[group], filters.begins, M, job.m_begins,
                         job.rows, job.depth, job.units, job.bounds)  # fmt: skip
            else:
                told = _filters_of(plan, sides, filters.strides, x.dtype)[2]
                multiply_once(V, job.v_begins, filters.of_group(group), told, M, job.m_begins,
                              job.rows, parts)  # fmt: skip
            transform_output(M, memory.flat(y), bias, rectify, written, parts)


def few_tiles(plan: Plan, images: int) -> bool:
    """Whether each filter is used so seldom that it is transformed only when it is needed."""
    return images * len(plan.rows.tiles) * len(plan.columns.tiles) <= FEW


@dataclass(frozen=True, eq=False)
class Job:
    """A chunk, and all that its passes are told: it depends on shapes alone and is kept.

    rows (points,): of each point's matrices; depth (points,): panels of V. At v_begins and m_begins
    (points,) their matrices begin in V and M. reads, writes: for the transforms of each group.
    units (n, 2): the products, each a point and a panel; bounds: each thread's share of them.
    """

    rows: np.ndarray
    depth: np.ndarray
    read_size: int
    v_begins: np.ndarray
    written_size: int
    m_begins: np.ndarray
    reads: tuple[np.ndarray, ...]
    writes: tuple[np.ndarray, ...]
    units: np.ndarray
    bounds: np.ndarray


@dataclass(frozen=True)
class Packing:
    """Elements of a panel of inputs and of one of outputs; what rows are filled up to a multiple
    of; and of which side a unit of the products has one panel, and all of the other."""

    inputs: int
    outputs: int
    whole: int
    by_outputs: bool


@lru_cache(maxsize=128)
def jobs(
    plan: Plan,
    sides: Sides,
    read: tuple[int, ...],
    written: tuple[int, ...],
    groups: int,
    dtype: np.dtype,
    parts: int,
    chunk_bytes: int,
    packing: Packing | None = None,
) -> tuple[Job, ...]:
    """A convolution from an array (N,H,W,C) `read` to one `written`, chunk by chunk."""
    its = packing or Packing(LINE, 2 * lanes(dtype), SHORT, by_outputs=True)
    depth = plan.phases_at * panels(sides.inputs, its.inputs)
    all_panels = len(plan.out_phases) * panels(sides.outputs, its.outputs)
    found = []
    for part in chunks_of(plan, sides, read[0], dtype.itemsize, chunk_bytes):
        rows = -(-part.rows // its.whole) * its.whole
        v_sizes, m_sizes = depth * rows * its.inputs, all_panels * rows * its.outputs
        (v_begins, v_size), (m_begins, m_size) = apart(v_sizes), apart(m_sizes)
        told = plan.tables | part.tables() | {ROWS: rows, WIDE: np.array([its.inputs])}
        of_groups = [told | {CHANNELS: sides.of_group(group)} for group in range(groups)]
        reads = [layout(t | {IMAGE: np.array(read), BEGINS: v_begins}) for t in of_groups]
        writes = [layout(t | {IMAGE: np.array(written), BEGINS: m_begins}) for t in of_groups]
        of_point = np.full(depth.size, all_panels) if its.by_outputs else depth
        units = np.array([(p, panel) for p, some in enumerate(of_point) for panel in range(some)])
        bounds = shares(np.repeat(rows * (depth if its.by_outputs else 1), of_point), parts)
        job = Job(rows, depth, v_size, v_begins, m_size, m_begins,
                  tuple(reads), tuple(writes), units, bounds)  # fmt: skip
        found.append(job)
    return tuple(found)


def chunks_of(plan: Plan, sides: Sides, images: int, itemsize: int, nbytes: int) -> list[Chunk]:
    """The batch in chunks of about one size, whose transforms take `nbytes` at most."""
    bands = images * len(plan.rows.tiles)
    most = max(1, min(bands, nbytes // _band_bytes(plan, sides, itemsize)))
    count = -(-bands // most)
    return [chunk(plan, bands * i // count, bands * (i + 1) // count) for i in range(count)]


def _band_bytes(plan: Plan, sides: Sides, itemsize: int) -> int:
    """Of the transforms of one row of the largest tiles, in and out."""
    rows = chunk(plan, 0, 1).rows
    each = plan.phases_at * sides.inputs + len(plan.out_phases) * sides.outputs
    return int((rows * each).sum()) * itemsize


def shares(work: np.ndarray, parts: int) -> np.ndarray:
    """(parts + 1,) int64: bounds that cut the units of `work` into shares of about the same sum."""
    done = np.concatenate([[0], np.cumsum(work)])
    return np.searchsorted(done, done[-1] * np.arange(parts + 1) / parts).astype(np.int64)


def work_of(plan: Plan, sides: Sides, g: ConvGeometry, written: bool = False) -> Work:
    """Products of whole lines of channels with whole panels of filters, at every point.

    written: whether transformed filters go to memory however few the tiles are.
    """
    inputs, outputs = up(sides.inputs, LINE), up(sides.outputs, LINE) * len(plan.out_phases)
    points = g.N * plan.products / len(plan.out_phases)  # of all input phases
    tiles = g.N * len(plan.rows.tiles) * len(plan.columns.tiles)
    filters = float(plan.phases_at.sum()) * inputs * outputs
    if few_tiles(plan, g.N) and not written:
        filters *= ONCE
    return Work(
        products=g.groups * points * inputs * outputs,
        terms=g.groups * points * inputs,
        outputs=g.groups * plan.points * tiles * outputs,
        weights=g.groups * filters,
        calls=g.groups,
        runs=runs_of(g),
    )


def roundings(plan: Plan, sides: Sides) -> float:
    """The norm-wise bound, from the matrices and a count of roundings; eps is 2 u.

        |error of y[n,k,p,q]| <= amplification roundings eps
            (sum over c of max|x[n,c]| sum over r,s of |w[k,c,r,s]| + |bias[k]|)

    On the way of any one term into y there are at most n roundings on each side of each of the
    three transforms, with n <= 8 points; one for each channel and phase of the product; the bias.
    The matrices' entries are exact but for G's, whose rounding counts as one more each. The sum of
    an output's absolute terms is at most `amplification` times the parenthesis: over a tile and a
    channel |B^T| |d| |B| is at most the row sums of |B^T| times max|x|, and |G| |w| |G^T| the
    largest of a row of |G| times the sum of |w|; |A^T| adds the points (Higham, "Accuracy and
    Stability of Numerical Algorithms", sections 3.1 and 3.5; `toom_cook.amplification`).
    """
    return plan.amplification * (sides.inputs * len(plan.phases) + plan.transform_roundings + 3)
