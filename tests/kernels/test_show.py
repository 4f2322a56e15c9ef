"""The matrices of `kernels.show`, compared with the operations that they represent."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import ConvGeometry, PoolGeometry, kernel, reference
from kernels.contract.norm_geometry import LCNGeometry
from kernels.contract.registry import without
from kernels.conv2d import winograd
from kernels.conv2d_dgrad.flipped import flipped_geometry, spread_out
from kernels.show import (
    columns,
    contrast_steps,
    conv_matrix,
    filter_rows,
    flipped_kernel,
    names,
    padded,
    pictures,
    sheets,
    switch_matrix,
    table,
    tap_matrix,
    winograd_tile,
)
from kernels.show.check import check
from kernels.show.costs import additions, conv2d_dgrad_work, conv2d_work
from kernels.show.requests import Request, sheet_of
from kernels.verify.arrays import integers, rngs, small
from kernels.verify.geometries import conv_geometries, pool_geometries

Rng = np.random.Generator
F64 = np.float64


@given(conv_geometries(), rngs)
def test_the_matrix_times_the_flattened_image_is_the_convolution(g: ConvGeometry, rng: Rng) -> None:
    x, w = integers(g.x_shape, rng, F64), integers(g.w_shape, rng, F64)
    y = x.reshape(g.N, -1) @ conv_matrix(w, g).T  # (N,CHW) x (CHW,KPQ) -> (N,KPQ)
    np.testing.assert_array_equal(y.reshape(g.y_shape), reference.conv2d(x, w, g))


@given(conv_geometries(), rngs)
def test_the_transposed_matrix_gives_the_gradient_of_the_image(g: ConvGeometry, rng: Rng) -> None:
    gy, w = integers(g.y_shape, rng, F64), integers(g.w_shape, rng, F64)
    gx = gy.reshape(g.N, -1) @ conv_matrix(w, g)  # (N,KPQ) x (KPQ,CHW) -> (N,CHW)
    np.testing.assert_array_equal(gx.reshape(g.x_shape), reference.conv2d_dgrad(gy, w, g))


@given(conv_geometries(), rngs)
def test_the_windows_times_the_filters_are_the_convolution(g: ConvGeometry, rng: Rng) -> None:
    x, w = integers(g.x_shape, rng, F64), integers(g.w_shape, rng, F64)
    pairs = zip(columns(x, g), filter_rows(w, g), strict=True)
    y = np.concatenate([X @ rows.T for X, rows in pairs], axis=1)  # G times (NPQ,K/G) -> (NPQ,K)
    y = y.reshape(g.N, g.P, g.Q, g.K).transpose(0, 3, 1, 2)  # (NPQ,K) -> (N,P,Q,K) -> (N,K,P,Q)
    np.testing.assert_array_equal(y, reference.conv2d(x, w, g))


@given(conv_geometries(), rngs)
def test_the_windows_times_the_gradient_are_the_gradient_of_the_kernel(
    g: ConvGeometry, rng: Rng
) -> None:
    x, gy = integers(g.x_shape, rng, F64), integers(g.y_shape, rng, F64)
    gw = sheets.conv2d_wgrad(x, gy, g).expected
    np.testing.assert_array_equal(gw, reference.conv2d_wgrad(x, gy, g))


@given(conv_geometries(), rngs)
def test_the_flipped_kernel_over_the_spread_gradient_is_the_transpose(
    g: ConvGeometry, rng: Rng
) -> None:
    gy, w = integers(g.y_shape, rng, F64), integers(g.w_shape, rng, F64)
    around, filters = padded(spread_out(gy, g), flipped_geometry(g).padding), flipped_kernel(w, g)
    plain = ConvGeometry.of(around.shape, filters.shape, 1, 0, g.dilation, g.groups)
    gx = reference.conv2d(around, filters, plain)
    np.testing.assert_array_equal(gx, reference.conv2d_dgrad(gy, w, g))


@given(conv_geometries(), rngs)
def test_the_numbered_taps_say_which_value_stands_where(g: ConvGeometry, rng: Rng) -> None:
    plane = integers((g.R, g.S), rng, F64)
    by_tap = np.concatenate([[0.0], plane.reshape(-1)])[tap_matrix(g)]  # (R,S) -> (RS,)
    w = np.broadcast_to(plane, g.w_shape)
    np.testing.assert_array_equal(by_tap, conv_matrix(w, g))


@given(pool_geometries(), rngs)
def test_the_matrix_of_switches_pools_and_its_transpose_unpools(g: PoolGeometry, rng: Rng) -> None:
    x = integers(g.x_shape, rng, F64)
    y, switches = reference.max_pool2d(x, g)
    S = switch_matrix(switches[0, 0], g)
    np.testing.assert_array_equal(S @ x[0, 0].reshape(-1), y[0, 0].reshape(-1))
    back = reference.max_unpool2d(y, switches, g)[0, 0]
    np.testing.assert_array_equal(S.T @ y[0, 0].reshape(-1), back.reshape(-1))


@given(small(1, 3), small(1, 5), small(1, 5), rngs)
def test_the_steps_of_contrast_normalisation_lead_to_it(C: int, H: int, W: int, rng: Rng) -> None:
    g, x = LCNGeometry.of((1, C, H, W), 3), integers((1, C, H, W), rng, F64)
    sheet = sheets.local_contrast_norm(x, g)
    np.testing.assert_array_equal(sheet.expected[0], contrast_steps(x[0], g).y)
    checked = check(sheet)
    assert checked.holds, (checked.error, checked.bound)


@given(rngs)
def test_a_winograd_tile_is_the_convolution_of_the_tile(rng: Rng) -> None:
    d, w = integers((4, 4), rng, F64), integers((3, 3), rng, F64)
    g = ConvGeometry.of((1, 1, 4, 4), (1, 1, 3, 3))
    y = reference.conv2d(d[None, None], w[None, None], g)[0, 0]
    np.testing.assert_array_equal(winograd_tile(d, w).y, y)  # halves of integers are exact


@given(rngs)
def test_a_winograd_tile_goes_the_way_of_the_kernel(rng: Rng) -> None:
    tile = winograd_tile(integers((4, 4), rng, F64), integers((3, 3), rng, F64))
    np.testing.assert_array_equal(tile.V, winograd.transform_input(tile.d))
    np.testing.assert_array_equal(tile.U, winograd.transform_filter(tile.w))
    np.testing.assert_array_equal(tile.y, winograd.transform_output(tile.M))


@given(st.lists(small(1, 3), min_size=4, max_size=4), rngs)
def test_a_table_holds_the_numbers_of_its_matrix(sizes: list[int], rng: Rng) -> None:
    k, p, h, w = sizes
    matrix = integers((k * p, h * w), rng, F64)
    lines = table(matrix, names(k=k, p=p), names(h=h, w=w)).splitlines()[-k * p :]
    words = [re.sub(r"\b[kp]\d", "", line).replace(".", "0").split() for line in lines]
    np.testing.assert_array_equal(np.array(words, F64), matrix)


def test_a_table_refuses_names_that_are_too_few() -> None:
    with pytest.raises(ValueError, match=r"2 names for 3 rows of a matrix \(3, 4\)"):
        table(np.ones((3, 4)), names(p=2))


@pytest.mark.parametrize(
    ("matrix", "count"), [(winograd.BT, 32), (winograd.G, 28), (winograd.AT, 24)]
)
def test_the_transforms_add_as_often_as_lavin_and_gray_count(
    matrix: np.ndarray, count: int
) -> None:
    assert additions(matrix) == count


@given(conv_geometries())
def test_the_algorithms_without_tricks_multiply_once_a_product(g: ConvGeometry) -> None:
    inside = ConvGeometry.of(padded(np.zeros(g.x_shape), g.padding).shape, g.w_shape, g.stride, 0,
                             g.dilation, g.groups)  # fmt: skip
    count = sum(1 for _ in reference.products(inside))
    works = [*conv2d_work(g)[:2], conv2d_dgrad_work(g)[0]]
    assert [work.multiplications for work in works] == [count] * 3


def test_winograd_multiplies_sixteen_times_a_tile_channel_and_filter() -> None:
    g = ConvGeometry.of((2, 3, 7, 6), (5, 3, 3, 3))  # 5x4 outputs: 3x2 tiles
    assert conv2d_work(g)[2].multiplications == 16 * 2 * 3 * 2 * 3 * 5


OPERATIONS = [
    "conv2d", "conv2d_dgrad", "conv2d_wgrad", "max_pool2d", "max_unpool2d", "local_contrast_norm",
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_kernels_agree_with_every_sheet(operation: str) -> None:
    several = {"channels": 4, "filters": 2, "batch": 2, "groups": 2}
    checked = check(sheet_of(Request(operation, "5x6", padding="1", **several)))  # type: ignore[arg-type]
    assert checked.holds, (checked.error, checked.bound)


def test_a_kernel_that_is_wrong_is_seen() -> None:
    with without():
        kernel("conv2d", name="wrong", cost=lambda g: -1.0, error_bound=lambda g: 1.0)(
            lambda x, w, g, bias=None: reference.conv2d(x, w, g) + 1.0
        )
        checked = check(sheet_of(Request("conv2d")))
    assert checked.kernel.name == "wrong"
    assert not checked.holds


def test_a_kernel_that_gives_nan_is_seen() -> None:
    with without():
        kernel("conv2d", name="nan", cost=lambda g: -1.0, error_bound=lambda g: 1.0)(
            lambda x, w, g, bias=None: np.full(g.y_shape, np.nan)
        )
        assert not check(sheet_of(Request("conv2d"))).holds


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "conv2d_wgrad"])
def test_a_picture_is_a_whole_svg_with_nothing_from_outside(operation: str) -> None:
    sheet = sheet_of(Request(operation, "6x5", channels=2, filters=2, batch=2))
    svg = pictures.of_sheet(sheet)
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"href|url\(|<script", svg)


def test_the_picture_of_a_matrix_has_a_cell_for_each_of_its_numbers() -> None:
    sheet = sheet_of(Request("conv2d", "5x4"))
    rectangles = pictures.of_sheet(sheet).count("<rect ")
    assert rectangles == 1 + 6 * 20 + 20 + 6  # the paper, W, x and y
