"""Convolution by Winograd tiles, for fprop and dgrad: filters first, then the batch in chunks.

For each chunk (`jobs.py`) all threads compute the input transform, then the matrix products, then
the output transform. Where there are few tiles, the filters are not transformed first: each thread
transforms a part of them and multiplies by it at once (`filters.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.geometry import ConvGeometry
from kernels.contract.threads import pieces
from kernels.cpu.epilogue import nothing
from kernels.cpu.vector import KR, lanes
from kernels.winograd.filters import multiply_once, transform_filter
from kernels.winograd.input_transform import transform_input
from kernels.winograd.jobs import Job, Sides, apart, jobs, panels
from kernels.winograd.layout import Array, Panels, Taps, pack
from kernels.winograd.output_transform import transform_output
from kernels.winograd.plan import Plan
from kernels.winograd.products import multiply

LEAST_PANELS = 4
"""Of filters, that a thread transforms at a time."""
FEW = 64
"""Tiles for which writing the transformed filters to memory costs more than it saves."""
ONCE = 0.5
"""Of what they cost, what they do where they are not written."""


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


def prepare(weights: Weights, plan: Plan, sides: Sides) -> Filters:
    """U = G g G^T."""
    matrices, size, parameters = _filters_of(plan, sides, weights.strides, weights.w.dtype)
    packed, width = [], 2 * lanes(weights.w.dtype)
    parts = pieces(panels(sides.inputs, KR) * panels(sides.outputs, width), LEAST_PANELS)
    for group in range(weights.groups):
        U = memory.empty((size,), weights.w.dtype)
        transform_filter(weights.of_group(group), parameters, U, parts)
        packed.append(U)
    return Filters(tuple(packed), matrices.begins)


@lru_cache(maxsize=128)
def _filters_of(
    plan: Plan, sides: Sides, strides: tuple[int, int, int, int], dtype: np.dtype
) -> tuple[Panels, int, Array]:
    """How U is packed, its elements, and the parameters of the filters' transform."""
    width = 2 * lanes(dtype)
    depth = plan.phases_at * panels(sides.inputs, KR)
    sizes = len(plan.out_phases) * panels(sides.outputs, width) * depth * KR * width
    begins, size = apart(sizes)
    matrices = Panels(begins, depth, width)
    taps = Taps(sides.outputs, sides.inputs, *strides, first_output=0)
    return matrices, size, pack(plan.tiling, matrices, taps)


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
    bind_tiles(x, filters, y, plan, sides, Options(bias, rectify))()


def bind_tiles(
    x: np.ndarray,
    filters: Filters | Weights,
    y: np.ndarray,
    plan: Plan,
    sides: Sides,
    options: Options,
) -> Call:
    """The call of `convolve` that writes this y.

    An epilogue needs one phase of outputs, as a plan of fprop has.
    """
    if isinstance(filters, Weights) and not few_tiles(plan, len(x)):
        filters = prepare(filters, plan, sides)
    bias = np.zeros(y.shape[1], x.dtype) if options.bias is None else options.bias
    out, row = memory.rows(y)
    shapes = memory.nhwc(x).shape, (*memory.nhwc(y).shape[:3], row)
    every = jobs(plan, sides, *shapes, filters.groups, x.dtype, memory.chunk())
    all_V = options.allocate((max(job.read_size for job in every),), x.dtype)
    all_M = options.allocate((max(job.written_size for job in every),), x.dtype)
    epilogue = options.epilogue or nothing(x.dtype)
    calls = list[Call]()
    for job in every:
        V, M = all_V[: job.read_size], all_M[: job.written_size]
        for group in range(filters.groups):
            calls += (
                partial(transform_input, memory.flat(x), job.reads[group], V, job.pieces),
                _bind_products(V, filters, group, M, job, plan, sides),
                partial(transform_output, M, out, bias, options.rectify,
                        job.writes[group], job.pieces, epilogue),
            )  # fmt: skip
    return in_turn(*calls)


def _bind_products(
    V: Array, filters: Filters | Weights, group: int, M: Array, job: Job, plan: Plan, sides: Sides
) -> Call:
    """M[p] = V[p] U[p] of a chunk and a group."""
    if isinstance(filters, Filters):
        U = filters.packed[group], filters.begins
        return partial(multiply, V, *U, M, job.parameters, job.parts)
    parameters = _filters_of(plan, sides, filters.strides, V.dtype)[2]
    w, parts = filters.of_group(group), pieces(panels(sides.outputs, 2 * lanes(V.dtype)))
    return partial(multiply_once, V, w, parameters, M, job.parameters, parts)


def few_tiles(plan: Plan, images: int) -> bool:
    """Whether each filter is used so seldom that it is transformed only when it is needed."""
    return images * len(plan.rows.tiles) * len(plan.columns.tiles) <= FEW


def work_of(plan: Plan, sides: Sides, g: ConvGeometry, written: bool = False) -> Work:
    """Products of whole lines of channels with whole panels of filters, at every point.

    written: whether transformed filters go to memory however few the tiles are.
    """
    inputs, outputs = up(sides.inputs, KR), up(sides.outputs, KR) * len(plan.out_phases)
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
