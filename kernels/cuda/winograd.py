"""Winograd's F(m x m, 3 x 3) on CUDA, m = 4 or 2: matrices, error bound, work, chunks.

    y = A^T [ sum over c of (G w G^T) . (B^T d B) ] A      for each tile d of (m + 2)^2 pixels

The kernels' matrices are in `include/winograd.cuh` (Lavin and Gray, arXiv 1509.09308); here they
are derived exactly, for the error bounds. Unlike the CPU's tiles (`kernels/winograd/tiles.py`) all
tiles have one size, and the last ones reach beyond a plane that is no multiple of m. So every point
has equally many rows, and all products are one batched call of cuBLAS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import Operations
from kernels.contract.problem import Problem
from kernels.cpu.combine import operations
from kernels.cuda.rates import Work
from kernels.winograd.toom_cook import (
    Matrix,
    filter_matrix,
    input_matrix,
    output_matrix,
    place,
    transposed,
)

TAPS = 3
SIZES = (4, 2)
"""Outputs of a tile along an axis."""
MOST_THREADS = 1 << 30
"""Of one launch: a thread's number has 31 bits."""


@dataclass(frozen=True)
class Form:
    """read [ (taken w taken^T) . (B^T d B) ] read^T, with exact matrices; a row of B^T is a point.

    The convolution has G for `taken` and A^T for `read`; the gradient of the weights, with gy in
    place of w, has A and G^T.
    """

    bt: Matrix
    taken: Matrix
    read: Matrix

    @cached_property
    def amplification(self) -> float:
        """Bound of an output's sum of absolute terms over max|d| sum|w|, for both axes.

        Over a tile and a channel |B^T| |d| |B| is at most the row sums of |B^T| times max|d|, and
        |taken| |w| |taken^T| the largest of a row times the sum of |w|; |read| adds the points.
        """
        pixels = [sum(map(abs, row)) for row in self.bt]
        weights = [max(map(abs, row)) for row in self.taken]
        sums = [
            sum(abs(a) * d * w for a, d, w in zip(row, pixels, weights, strict=True))
            for row in self.read
        ]
        return float(max(sums) ** 2)

    @cached_property
    def growth(self) -> float:
        """The largest factor of a value on the way to the outputs, for both axes."""
        pixels = max(sum(map(abs, row)) for row in self.bt)
        weights = max(abs(value) for row in self.taken for value in row)
        return max(self.amplification, float(pixels**2), float(weights**2))

    @cached_property
    def roundings(self) -> int:
        """Roundings of any one term in the three transforms, two sides each."""
        return 2 * sum(_roundings(matrix) for matrix in (self.bt, self.taken, self.read))

    def bound(self, terms: int) -> float:
        """The norm-wise bound of sums of `terms` products at each point, in units of eps = 2 u.

            |error of y[n,k,p,q]| <= amplification roundings eps
                (sum over c of max|x[n,c]| sum over r,s of |w[k,c,r,s]| + |bias[k]|)

        A term is rounded at most n = `roundings` + terms + 1 times on its way into y, the last time
        with the bias. So the error is at most n u / (1 - n u) <= n eps times the sum of the
        absolute terms (Higham, "Accuracy and Stability of Numerical Algorithms", sections 3.1 and
        3.5). The bound holds for any order of cuBLAS's additions; a fused multiply-add rounds less.

        It holds as long as nothing overflows and no 3x3 filter w[k,c] is subnormal throughout.
        """
        return self.amplification * (self.roundings + terms + 1)


def _roundings(matrix: Matrix) -> int:
    """The most roundings of one term in a product with a row of `matrix`.

    It takes part in one addition less than the row has nonzero elements. Multiplication by a power
    of two is exact; by another element it rounds once more, and again if that element is rounded.
    """
    worst = 0
    for row in matrix:
        factors = [v for v in row if v]
        inexact = not all(_power_of_two(v.denominator) for v in factors)
        multiplied = inexact or not all(_power_of_two(v.numerator) for v in factors)
        worst = max(worst, len(factors) - 1 + multiplied + inexact)
    return worst


def _power_of_two(value: int) -> bool:
    return abs(value) & (abs(value) - 1) == 0


@lru_cache
def fprop_form(m: int) -> Form:
    """The matrices of `toom_cook.py`, with each point's scale in G, as Lavin and Gray have it.

    `toom_cook.py` moves the scale to B, because tiles of several sizes share a filter there. The
    scale is the coefficient of the highest power, which is 1 in a product of (x - q).
    """
    n = m + TAPS - 1
    inputs, filters = input_matrix(n), filter_matrix(TAPS)
    scales = [*(row[n - 2] for row in inputs[:-1]), Fraction(1)]
    return Form(
        tuple(tuple(v / s for v in row) for row, s in zip(inputs, scales, strict=True)),
        tuple(tuple(v * s for v in filters[place(i, n)]) for i, s in enumerate(scales)),
        tuple(tuple(row[place(i, n)] for i in range(n)) for row in output_matrix(m)),
    )


@lru_cache
def wgrad_form(m: int) -> Form:
    """The same trilinear form, solved for the gradient of w."""
    its = fprop_form(m)
    return Form(its.bt, transposed(its.read), transposed(its.taken))


def supports(problem: Problem) -> bool:
    """3x3 filters, stride 1, dilation 1; any padding, any groups."""
    g: ConvGeometry = problem.geometry
    return (g.R, g.S, *g.stride, *g.dilation) == (TAPS, TAPS, 1, 1, 1, 1)


def points(m: int) -> int:
    """Points of a tile's transform: one matrix product each."""
    return (m + TAPS - 1) ** 2


def tiles_of(m: int, g: ConvGeometry) -> int:
    """Tiles of a batch."""
    return g.N * -(-g.P // m) * -(-g.Q // m)


def work(m: int, g: ConvGeometry) -> Work:
    """The work of fprop, or of dgrad with its own geometry.

    Multiply-adds of the products, their operands and results, and the transforms' inputs and
    outputs; the transform of the filters reads each weight once.
    """
    tiles, parts = points(m) * tiles_of(m, g), len(list(chunks(m, g, np.float32)))
    each = g.N * (g.H * g.W * g.C + g.P * g.Q * g.K) + 2 * tiles * (g.C + g.K)
    return Work(
        products=tiles * pairs(g),
        elements=points(m) * pairs(g) + each,
        launches=3 * parts,
        weights=(TAPS**2 + points(m)) * pairs(g),
    )


def fprop_operations(m: int, g: ConvGeometry) -> Operations:
    """Operations of fprop, or of dgrad with its own geometry; zeros in a matrix cost none."""
    form, tiles = fprop_form(m), tiles_of(m, g)
    transforms = tiles * (g.C * _both_sides(form.bt) + g.K * _both_sides(form.read))
    products = 2 * points(m) * tiles * pairs(g)
    return Operations(products, transforms, pairs(g) * _both_sides(form.taken))


def wgrad_operations(m: int, g: ConvGeometry) -> Operations:
    """Operations of the gradient of the weights; its output transform is done once."""
    form, tiles = wgrad_form(m), tiles_of(m, g)
    transforms = tiles * (g.C * _both_sides(form.bt) + g.K * _both_sides(form.taken))
    products = 2 * points(m) * tiles * pairs(g)
    return Operations(products, transforms + pairs(g) * _both_sides(form.read))


def _both_sides(matrix: Matrix) -> int:
    """Operations of `matrix` a `matrix`^T for one square a."""
    return operations(matrix) * (len(matrix) + len(matrix[0]))


def pairs(g: ConvGeometry) -> int:
    """Filters times the channels of each."""
    return g.K * (g.C // g.groups)


def row_bytes(m: int, g: ConvGeometry, dtype: DTypeLike) -> int:
    """Bytes of one tile's transformed inputs and outputs."""
    return points(m) * (g.C + g.K) * np.dtype(dtype).itemsize


def chunks(m: int, g: ConvGeometry, dtype: DTypeLike) -> Iterator[tuple[int, int]]:
    """(first tile, tiles): the batch in equal chunks whose transforms take `memory.chunk()` bytes.

    The default of 24 MB stays in the L2 cache (40 MB on an A100, 50 on an H100) from one pass to
    the next, and still holds hundreds of tiles: rows enough for cuBLAS.
    """
    tiles = tiles_of(m, g)
    most = min(memory.chunk() // max(row_bytes(m, g, dtype), 1), MOST_THREADS // max(g.C, g.K, 1))
    count = max(-(-tiles // max(most, 1)), 1)
    each = max(-(-tiles // count), 1)
    for first in range(0, tiles, each):
        yield first, min(each, tiles - first)
