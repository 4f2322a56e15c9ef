"""Matrices of Winograd's convolutions, which are exact, and tiles, which cover the plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from kernels import ConvGeometry
from kernels.contract import memory
from kernels.cpu.vector import KR
from kernels.verify.geometries import Ranges, conv_geometries
from kernels.winograd.input_transform import transform_input
from kernels.winograd.jobs import Sides, jobs
from kernels.winograd.plan import dgrad_plan, fprop_plan, supports
from kernels.winograd.toom_cook import (
    MOST,
    MOST_TAPS,
    amplification,
    filter_family,
    filter_matrix,
    input_family,
    input_matrix,
    output_family,
    output_matrix,
    place,
    sized,
)

SIZES = [(m, r) for m in range(1, MOST) for r in range(1, MOST) if 2 <= m + r - 1 <= MOST]
SERVED = tuple((R, S) for R in range(3, 6) for S in range(3, 6))


@pytest.mark.parametrize(("m", "r"), SIZES)
def test_the_matrices_give_the_convolution_without_any_error(m: int, r: int) -> None:
    n = m + r - 1
    pixels, taps = [7**i % 11 - 5 for i in range(n)], [5**j % 13 - 6 for j in range(r)]
    products = [0] * MOST
    for i, row in enumerate(input_matrix(n)):
        seen = sum(a * b for a, b in zip(row, pixels, strict=True))
        weights = zip(filter_matrix(r)[place(i, n)], taps, strict=True)
        products[place(i, n)] = seen * sum(a * b for a, b in weights)
    outputs = [sum(a * b for a, b in zip(row, products, strict=True)) for row in output_matrix(m)]
    assert outputs == [sum(pixels[i + j] * taps[j] for j in range(r)) for i in range(m)]


@pytest.mark.parametrize(("m", "r"), [s for s in SIZES if 2 <= s[1] <= MOST_TAPS])
def test_the_families_hold_what_the_products_of_a_tile_need(m: int, r: int) -> None:
    n = m + r - 1
    pixels, taps = [7**i % 11 - 5 for i in range(n)], [5**j % 13 - 6 for j in range(r)]
    seen, weights = (
        [sum(a * b for a, b in zip(row, values, strict=True)) for row in matrix]
        for matrix, values in (
            (input_family()[n], pixels),
            (filter_family()[sized(r, n)], taps),
        )
    )
    products = [a * b for a, b in zip(seen, weights, strict=True)]
    read = output_family()[sized(m, n)]
    outputs = [sum(a * b for a, b in zip(row, products, strict=True)) for row in read]
    assert outputs == [sum(pixels[i + j] * taps[j] for j in range(r)) for i in range(m)]


def test_the_matrices_of_four_outputs_and_three_taps_are_lavins() -> None:
    expected = [4, 0, -5, 0, 1, 0]
    row = input_matrix(6)[0]
    assert [float(v / row[4]) for v in row] == expected, "up to the scale that G has instead"
    assert amplification(4, 3) == pytest.approx(29 + 1 / 3)


@given(g=conv_geometries(Ranges(SERVED, ((1, 1), (2, 2), (2, 1)), ((1, 1),), beyond=20)))
def test_tiles_cover_every_output_once(g: ConvGeometry) -> None:
    assert supports(g)
    for plan in (fprop_plan(g), dgrad_plan(g)):
        for axis in (plan.rows, plan.columns):
            covered = [first + i for first, size in axis.tiles for i in range(size)]
            assert covered == list(range(axis.first, axis.first + axis.count))


def test_thirteen_rows_take_nineteen_products_at_seven_points() -> None:
    plan = fprop_plan(ConvGeometry.of((1, 1, 13, 13), (1, 1, 3, 3), 1, 1))
    assert plan.products == 19 * 19 and plan.points == 7 * 7
    assert np.array_equal(plan.rows.tiles[:, 1], [5, 4, 4])


@given(g=conv_geometries(Ranges(SERVED, ((1, 1), (2, 2), (2, 1)), ((1, 1),), beyond=20)))
def test_every_number_that_is_multiplied_was_written(g: ConvGeometry) -> None:
    """Also the rows that pad tiles of the product: denormal numbers left there from before would
    take a hundred times as long."""
    plan, sides = fprop_plan(g), Sides(g.C // g.groups, g.K // g.groups)
    x = memory.nhwc(np.ones(g.x_shape, np.float32)).copy()
    y_shape = g.N, g.P, g.Q, g.K
    for job in jobs(plan, sides, x.shape, y_shape, g.groups, x.dtype, memory.chunk()):
        V = np.full(job.read_size, np.nan, np.float32)
        transform_input(x.reshape(-1), job.reads[0], V, 2)
        product = job.product
        sizes = product.depth * product.rows * KR
        for begin, size in zip(product.v_begins, sizes, strict=True):
            assert np.isfinite(V[begin : begin + size]).all()
        assert np.all(np.diff(product.v_begins) >= sizes[:-1])
