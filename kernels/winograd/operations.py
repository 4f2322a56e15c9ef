"""Operations of Winograd's convolutions: the products at the points, and the three transforms.

Counted over the tiles of the plan, with the transforms' matrices as `combine.py` emits them: rows
that mirror each other share their sums, entries of 1 cost no multiplication.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import Operations
from kernels.cpu.combine import operations
from kernels.winograd.one_dimensional import strips
from kernels.winograd.plan import Plan
from kernels.winograd.tiles import Sides
from kernels.winograd.toom_cook import (
    MOST,
    Matrix,
    filter_family,
    filter_matrix,
    input_family,
    output_family,
    output_matrix,
    sized,
    transposed,
    transposed_family,
)

FAMILIES = {
    "B": input_family(),
    "A": output_family(),
    "G": filter_family(),
    "A^T": transposed_family(output_family()),
    "G^T": transposed_family(filter_family()),
}


@cache
def _matrix(family: str, number: int) -> int:
    return operations(FAMILIES[family][number])


@cache
def _of(matrix: Matrix) -> int:
    return operations(matrix)


def of_tiles(plan: Plan, sides: Sides, g: ConvGeometry) -> Operations:
    """Of `winograd_tiles.convolve`: from x to y, or from gy to gx."""
    ins, outs = g.groups * sides.inputs, g.groups * sides.outputs * len(plan.out_phases)
    transforms = g.N * (ins * _input(plan) + outs * _output(plan, False))
    return Operations(_products(plan, g), transforms, _pairs(g) * _filters(plan, False))


def of_tiles_wgrad(plan: Plan, g: ConvGeometry) -> Operations:
    """Of `conv2d_wgrad/winograd_tiles.py`."""
    transforms = g.N * (g.C * _input(plan) + g.K * _output(plan, True))
    return Operations(_products(plan, g), transforms + _pairs(g) * _filters(plan, True))


def of_rows(g: ConvGeometry) -> Operations:
    """Of `conv2d/winograd_1d.py`."""
    tiles, terms = _row_tiles(g)
    transforms = _rows_input(g) + tiles * g.K * _of(output_matrix(strips(g).m))
    return Operations(
        2 * tiles * MOST * terms * g.K, transforms, terms * g.K * _of(filter_matrix(strips(g).taps))
    )


def of_rows_wgrad(g: ConvGeometry) -> Operations:
    """Of `conv2d_wgrad/winograd_1d.py`."""
    tiles, terms = _row_tiles(g)
    gradient = tiles * g.K * _of(transposed(output_matrix(strips(g).m)))
    taps = g.K * g.R * g.S * g.C * (2 * MOST - 1)  # G^T, a row of MOST numbers each
    return Operations(2 * tiles * MOST * terms * g.K, _rows_input(g) + gradient + taps)


def _row_tiles(g: ConvGeometry) -> tuple[int, int]:
    """(tiles of all rows of outputs, terms that a tile's products sum at each point)."""
    return g.N * g.P * strips(g).tiles, g.R * g.stride[1] * g.C


def _rows_input(g: ConvGeometry) -> int:
    """B^T d of every strip; rows of pixels that two strips read are transformed for both."""
    s, rows = strips(g), 0
    for first in range(0, g.P, s.rows):
        count = min(s.rows, g.P - first)
        phases = range(min(g.stride[0], g.R))
        rows += sum(count + (g.R - 1 - phase) // g.stride[0] for phase in phases)
    return g.N * rows * s.tiles * g.stride[1] * g.C * _matrix("B", MOST)


def _pairs(g: ConvGeometry) -> int:
    return g.K * (g.C // g.groups)


def _products(plan: Plan, g: ConvGeometry) -> int:
    return 2 * g.N * plan.products * _pairs(g)


def _tiles(plan: Plan) -> Iterator[tuple[int, int]]:
    """Outputs of each tile of a plane, rows and columns."""
    for rows in plan.rows.tiles[:, 1].tolist():
        for columns in plan.columns.tiles[:, 1].tolist():
            yield rows, columns


def _input(plan: Plan) -> int:
    """B^T d B of all tiles and phases, of one channel of one image."""
    total = 0
    for m1, m2 in _tiles(plan):
        for a, b in plan.phases:
            n1, n2 = m1 + plan.rows.taps[a] - 1, m2 + plan.columns.taps[b] - 1
            total += n2 * _matrix("B", n1) + n1 * _matrix("B", n2)
    return total


def _output(plan: Plan, gradient: bool) -> int:
    """A^T M A of all tiles, of one filter of one image; or A gy A^T."""
    total, most = 0, (max(plan.rows.taps), max(plan.columns.taps))
    for m1, m2 in _tiles(plan):
        n1, n2 = m1 + most[0] - 1, m2 + most[1] - 1
        if gradient:
            down, across = (_matrix("A^T", sized(m, n)) for m, n in ((m1, n1), (m2, n2)))
            total += m2 * down + n1 * across
        else:
            down, across = (_matrix("A", sized(m, n)) for m, n in ((m1, n1), (m2, n2)))
            total += n2 * down + m1 * across
    return total


def _filters(plan: Plan, gradient: bool) -> int:
    """G w G^T of all phases of one filter and channel; or G^T W G."""
    total = 0
    for a, b in plan.phases:
        r1, r2 = plan.rows.taps[a], plan.columns.taps[b]
        n1, n2 = plan.rows.largest + r1 - 1, plan.columns.largest + r2 - 1
        if gradient:
            down, across = (_matrix("G^T", sized(r, n)) for r, n in ((r1, n1), (r2, n2)))
            total += n2 * down + r1 * across
        else:
            down, across = (_matrix("G", sized(r, n)) for r, n in ((r1, n1), (r2, n2)))
            total += r2 * down + n1 * across
    return total * len(plan.out_phases)
