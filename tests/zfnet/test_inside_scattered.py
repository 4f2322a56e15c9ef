"""Products and windows of one pixel of a transposed operation, against its definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from kernels import reference
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.verify.geometries import (
    conv_geometries,
    pool_geometries,
)
from tests.zfnet.test_inside_sums import FILLED, in_float64, index, normal, places, seeds
from zfnet.look.inside import transposed


@given(conv_geometries(FILLED), seeds, places)
def test_the_products_of_a_pixel_add_up_to_the_transposed_convolution(
    g: ConvGeometry, seed: int, place: int
) -> None:
    gy, w = normal(seed, g.y_shape, g.w_shape)
    n, c, h, v = at = index(g.x_shape, place)
    each = g.K // g.groups
    group = c // (g.C // g.groups)
    own = w[group * each : (group + 1) * each, c % (g.C // g.groups)]
    found = transposed.gathered_sum(gy, own, g, at)
    expected = reference.conv2d_dgrad(gy, w, g)[at]
    assert abs(found.result - expected) <= in_float64(found.products.size, found.absolute)
    for j, i in np.argwhere(found.inside):  # each position's window has the pixel at that tap
        r, s = g.R - 1 - j, g.S - 1 - i
        position = int(found.rows[j]), int(found.columns[i])
        assert dict(reference.taps(g, *position))[r, s] == (h, v)
        filters = slice(group * each, (group + 1) * each)
        assert (found.window[:, j, i] == gy[n, filters, *position]).all()


@given(conv_geometries(FILLED), seeds, places)
def test_what_a_position_scatters_is_its_part_of_the_transposed_convolution(
    g: ConvGeometry, seed: int, place: int
) -> None:
    gy, w = normal(seed, g.y_shape, g.w_shape)
    at = index(g.y_shape, place)
    found = transposed.scattered(gy, w[at[1]], g, at)
    alone = np.zeros_like(gy)
    alone[at] = gy[at]
    expected = reference.conv2d_dgrad(alone, w, g)[at[0]]
    got = np.zeros(g.x_shape[1:])
    for j, i in np.argwhere(found.inside):
        channels = slice(found.first, found.first + g.C // g.groups)
        got[channels, found.rows[j], found.columns[i]] += found.products[:, j, i]
    assert (got == expected).all()


@given(pool_geometries(), seeds, places)
def test_the_windows_of_a_pixel_give_the_unpooling(g: PoolGeometry, seed: int, place: int) -> None:
    x, gy = normal(seed, g.x_shape, g.y_shape)
    at = index(g.x_shape, place)
    _, switches = reference.max_pool2d(np.round(x), g)
    found = transposed.unpooled(gy, switches, g, at)
    expected = reference.max_unpool2d(gy, switches, g)[at]
    assert abs(found.result - expected) <= in_float64(found.values.size, found.absolute)


@given(pool_geometries(), seeds, places)
def test_the_windows_of_a_pixel_give_the_transpose_of_average_pooling(
    g: PoolGeometry, seed: int, place: int
) -> None:
    (gy,) = normal(seed, g.y_shape)
    at = index(g.x_shape, place)
    found = transposed.averaged_back(gy, g, at)
    expected = reference.avg_pool2d_vjp(gy, g)[at]
    assert abs(found.result - expected) <= in_float64(found.values.size + 2, found.absolute)
