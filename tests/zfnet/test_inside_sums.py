"""Products, windows and tiles of one number, against the definition of its operation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels import bounds, named, reference
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.conv2d.winograd_tiles import amplified_roundings
from kernels.cpu.unfold import unfold_rows
from kernels.verify.geometries import (
    SMALL,
    contrast_geometries,
    conv_geometries,
    pool_geometries,
    response_geometries,
)
from kernels.winograd.plan import supports
from zfnet.look.inside import normalised, pooled, transposed
from zfnet.look.inside.window_sum import WindowSum, window_sum
from zfnet.look.inside.winograd_tile import winograd_tile

FILLED = replace(SMALL, images=(1, 2), channels=(1, 3), pixels=1, work=1500)
TILED = replace(
    FILLED,
    sizes=((2, 2), (3, 3), (3, 2), (5, 5), (4, 3)),
    strides=((1, 1), (2, 2), (2, 1)),
    dilations=((1, 1),),
    beyond=12,
)
WINOGRAD = named("conv2d", "winograd_tiles")
seeds = st.integers(0, 2**32 - 1)
places = st.integers(0, 10**6)


def index(shape: tuple[int, ...], place: int) -> tuple[int, ...]:
    """A drawn index; the example is dropped where there is none."""
    size = int(np.prod(shape))
    assume(size > 0)
    return tuple(int(i) for i in np.unravel_index(place % size, shape))


def normal(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def in_float64(terms: float, absolute: float) -> float:
    """The bound of two sums of the same terms in float64."""
    return 2 * float(bounds.rounding(terms, np.float64(absolute), np.float64))


def opened(g: ConvGeometry, seed: int, place: int) -> tuple[list[np.ndarray], WindowSum]:
    x, w, bias = normal(seed, g.x_shape, g.w_shape, (g.K,))
    at = index(g.y_shape, place)
    return [x, w, bias], window_sum(x, w[at[1]], g, at, bias[at[1]])


@given(conv_geometries(FILLED), seeds, places)
def test_the_products_of_an_output_add_up_to_the_definition(
    g: ConvGeometry, seed: int, place: int
) -> None:
    (x, w, bias), found = opened(g, seed, place)
    expected = reference.conv2d(x, w, g, bias=bias)[found.at]
    assert abs(found.result - expected) <= in_float64(found.products.size + 1, found.absolute)


@given(conv_geometries(FILLED), seeds, places)
def test_the_sums_of_the_channels_are_those_of_each_channel_alone(
    g: ConvGeometry, seed: int, place: int
) -> None:
    (x, w, _), found = opened(g, seed, place)
    one = replace(g, C=g.groups)
    for c in range(g.C // g.groups):
        own = x[:, c :: g.C // g.groups]  # channel c of every group
        expected = reference.conv2d(own, w[:, c : c + 1], one)[found.at]
        assert abs(found.channel_sums[c] - expected) <= in_float64(g.R * g.S, found.absolute)
    assert found.partial_sums[-1] == pytest.approx(found.channel_sums.sum(), abs=1e-12)


@given(conv_geometries(FILLED), seeds, places)
def test_every_tap_of_a_window_is_the_pixel_that_the_definition_reads(
    g: ConvGeometry, seed: int, place: int
) -> None:
    (x, _, _), found = opened(g, seed, place)
    n, _, p, q = found.at
    read = dict(reference.taps(g, p, q))
    for r, s in np.ndindex(g.R, g.S):
        assert found.inside[r, s] == ((r, s) in read)
        if (r, s) in read:
            assert (found.rows[r], found.columns[s]) == read[r, s]
            pixels = x[n, found.first : found.first + g.C // g.groups, *read[r, s]]
            assert (found.window[:, r, s] == pixels).all()
        else:
            assert (found.window[:, r, s] == 0).all()


@given(conv_geometries(FILLED), seeds, places)
def test_a_row_of_im2col_is_that_of_the_kernel_and_gives_the_sum(
    g: ConvGeometry, seed: int, place: int
) -> None:
    (x, _, _), found = opened(g, seed, place)
    C = g.C // g.groups
    columns = np.empty((1, g.Q, g.R, g.S, C), np.float32)
    n, _, p, q = found.at
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))  # (N,C,H,W) -> (N,H,W,C)
    settings = g.stride, g.padding, g.dilation, found.first
    unfold_rows.py_func(last, columns, n * g.P + p, g.P, *settings)
    assert (columns[0, q].reshape(-1) == found.im2col_row).all()  # (R,S,C) -> (RSC,)
    assert found.im2col_at == (n * g.P + p) * g.Q + q
    product = found.im2col_row @ found.filter_row + (found.bias or 0.0)
    assert abs(product - found.result) <= in_float64(found.products.size + 1, found.absolute)


@given(conv_geometries(TILED), seeds, places)
def test_the_winograd_tile_of_an_output_gives_the_definition_within_its_bound(
    g: ConvGeometry, seed: int, place: int
) -> None:
    assume(supports(g))
    x, w, bias = normal(seed, g.x_shape, g.w_shape, (g.K,))
    at = index(g.y_shape, place)
    tile = winograd_tile(x, w[at[1]], g, at, bias[at[1]])
    expected = reference.conv2d(x, w, g, bias=bias)
    n, k, _, _ = at
    group = x[n, k // (g.K // g.groups) * (g.C // g.groups) :][: g.C // g.groups]
    largest = np.abs(group).max(axis=(1, 2)).astype(np.float64)  # of each channel's plane
    absolute = (largest * np.abs(w[k]).sum(axis=(1, 2))).sum() + abs(bias[k])
    bound = 2 * bounds.rounding(amplified_roundings(g), absolute, np.float64)
    (top, left), (m1, m2) = tile.origin, tile.outputs.shape
    errors = np.abs(tile.outputs - expected[n, k, top : top + m1, left : left + m2])
    assert errors.max() <= bound
    assert tile.result == tile.outputs[at[2] - top, at[3] - left]
    assert tile.products < tile.definition_products or tile.outputs.size == 1


def test_the_tile_of_a_3x3_filter_has_the_products_of_lavin_and_gray() -> None:
    g = ConvGeometry.of((1, 2, 8, 8), (1, 2, 3, 3), padding=0)
    x, w = normal(0, g.x_shape, g.w_shape)
    tile = winograd_tile(x, w[0], g, (0, 0, 5, 0))
    assert (tile.origin, tile.outputs.shape) == ((0, 0), (6, 6))
    assert (tile.products, tile.definition_products) == (64, 324)
    assert tile.phases[0].d.shape == (2, 8, 8)


def test_a_dilated_window_has_no_winograd_tile() -> None:
    g = ConvGeometry.of((1, 1, 8, 8), (1, 1, 3, 3), dilation=2)
    x, w = normal(0, g.x_shape, g.w_shape)
    with pytest.raises(ValueError, match="dilation"):
        winograd_tile(x, w[0], g, (0, 0, 0, 0))


@given(pool_geometries(), seeds, places, st.booleans())
def test_the_switch_of_a_window_is_the_definitions(
    g: PoolGeometry, seed: int, place: int, equal: bool
) -> None:
    (x,) = normal(seed, g.x_shape)
    x = np.round(x) if equal else x  # (equal maxima)
    at = index(g.y_shape, place)
    found = pooled.max_window(x, g, at)
    y, switches = reference.max_pool2d(x, g)
    assert (found.result, found.switch) == (y[at], switches[at])


def test_nan_wins_a_window() -> None:
    g = PoolGeometry.of((1, 1, 2, 2), 2)
    x = np.array([[[[5, 1], [np.nan, 3]]]], np.float32)
    assert pooled.max_window(x, g, (0, 0, 0, 0)).winner == (1, 0)


@given(pool_geometries(), seeds, places)
def test_the_mean_of_a_window_is_the_definitions(g: PoolGeometry, seed: int, place: int) -> None:
    (x,) = normal(seed, g.x_shape)
    at = index(g.y_shape, place)
    found = pooled.average_window(x, g, at)
    expected = reference.avg_pool2d(x, g)[at]
    assert abs(found.result - expected) <= in_float64(g.R * g.S + 1, found.absolute)


planes = st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))


@given(response_geometries(planes, st.integers(1, 7)), seeds, places)
def test_the_window_of_a_response_normalisation_gives_the_definition(
    g: LRNGeometry, seed: int, place: int
) -> None:
    (x,) = normal(seed, g.x_shape)
    at = index(g.x_shape, place)
    found = normalised.response(x, g, at)
    expected = reference.local_response_norm(x, g)[at]
    assert abs(found.result - expected) <= found.bound(g.size + 6, np.dtype(np.float64))


@pytest.mark.parametrize("at", range(5))
def test_a_window_of_an_even_size_has_one_channel_more_above(at: int) -> None:
    (x,) = normal(0, (1, 5, 1, 1))
    g = LRNGeometry.of(x.shape, size=2, alpha=0.5)
    found = normalised.response(x, g, (0, at, 0, 0))
    assert np.array_equal(found.values, x[0, at : at + 2, 0, 0])
    expected = reference.local_response_norm(x, g)[0, at, 0, 0]
    assert found.result == pytest.approx(expected, rel=1e-14)


@given(contrast_geometries(planes), seeds, places)
def test_the_window_of_a_contrast_normalisation_gives_the_definition(
    g: LCNGeometry, seed: int, place: int
) -> None:
    (x,) = normal(seed, g.x_shape)
    at = index(g.x_shape, place)
    found = normalised.contrast(x, g, at)
    expected = reference.local_contrast_norm(x, g)[at]
    assert abs(found.result - expected) <= found.bound(np.dtype(np.float64))
    assert found.weights.sum() <= 1 + 1e-12
    assert {"sigma": found.sigma, "c": found.c, "floor": g.floor}[found.divides] == found.divisor


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), seeds, places)
def test_the_elements_of_a_group_give_the_definition(
    N: int, L: int, groups: int, each: int, seed: int, place: int
) -> None:
    g = GroupNormGeometry.of((N, L, groups * each), groups)
    x, weight, bias = normal(seed, g.x_shape, (g.C,), (g.C,))
    n, at, c = index(g.x_shape, place)
    first = c // each * each
    own = x[n, :, first : first + each].astype(np.float64)
    found = normalised.Standardised(own, (at, c - first), g.eps, float(weight[c]), float(bias[c]))
    expected = reference.group_norm(x, g, weight=weight, bias=bias)[n, at, c]
    assert abs(found.result - expected) <= in_float64(8 + 4 * g.terms, found.absolute)


@pytest.mark.parametrize(
    ("gy", "x", "deconvnet", "guided", "gradient"),
    [(2.0, 1.0, 2.0, 2.0, 2.0), (2.0, -1.0, 2.0, 0.0, 0.0), (-2.0, 1.0, 0.0, 0.0, -2.0)],
)
def test_each_rule_rectifies_as_its_paper_says(
    gy: float, x: float, deconvnet: float, guided: float, gradient: float
) -> None:
    made = [transposed.Rectified(gy, x, *each).result for each in ((1, 0), (1, 1), (0, 1))]
    assert made == [deconvnet, guided, gradient]


@pytest.mark.parametrize("at", [(0, 0, 0, 9), (0, -1, 0, 0), (0, 0, 0)])
def test_an_output_that_does_not_exist_is_refused(at: tuple[int, ...]) -> None:
    g = ConvGeometry.of((1, 1, 4, 4), (1, 1, 3, 3))
    x, w = normal(0, g.x_shape, g.w_shape)
    with pytest.raises(ValueError, match="there is no output"):
        window_sum(x, w[0], g, at)
