"""Sizes, windows and boxes of geometries, against counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels import Box, ConvGeometry, PoolGeometry, reference
from kernels.contract.geometry import pads, pair
from kernels.verify.arrays import pairs, small
from kernels.verify.geometries import conv_geometries, pool_geometries
from kernels.verify.oracles import sizes

pytestmark = pytest.mark.quick

geometries = st.one_of(conv_geometries(), pool_geometries())


def starts(size: int, before: int, after: int, span: int, stride: int) -> list[int]:
    """Where a window of `span` pixels may start on a padded line, by trial."""
    return [i for i in range(-before, size + after, stride) if i + span <= size + after]


@given(g=conv_geometries())
def test_a_convolution_has_an_output_wherever_its_window_fits(g: ConvGeometry) -> None:
    rows = starts(g.H, *g.padding[:2], g.extent[0], g.stride[0])
    columns = starts(g.W, *g.padding[2:], g.extent[1], g.stride[1])
    assert (len(rows), len(columns)) == (g.P, g.Q)


@given(g=pool_geometries(ceil_mode=st.just(True)))
def test_ceil_mode_adds_the_windows_that_start_on_the_plane_and_reach_past_it(
    g: PoolGeometry,
) -> None:
    assume(g.ceil_mode)
    fitting = starts(g.H, *g.padding[:2], g.extent[0], g.stride[0])
    after = fitting[-1] + g.stride[0]
    covers_all = fitting[-1] + g.extent[0] == g.H + g.padding[1]
    assert len(fitting) + (not covers_all and after < g.H) == g.P


@pytest.mark.parametrize("ceil", [False, True])
def test_the_windows_of_a_pooling_are_those_that_are_counted(ceil: bool) -> None:
    """All planes, windows and strides up to 7, with every padding that pooling admits."""
    for size, window, stride in product(range(1, 8), range(1, 5), range(1, 5)):
        for pad in range(window // 2 + 1):
            count = sizes.positions(size, window, stride, pad, pad, 1, ceil)
            alone = sizes.only_padding(size, window, stride, pad, count, 1)
            settings = (1, window), (1, stride), (0, 0, pad, pad), 1, ceil
            if count and not alone:
                assert count == PoolGeometry.of((1, 1, 1, size), *settings).Q
                continue
            with pytest.raises(ValueError, match="pool2d"):
                PoolGeometry.of((1, 1, 1, size), *settings)


@given(g=conv_geometries(pads=(-2, 0)))
def test_macs_are_the_products_of_the_definition_where_nothing_is_padded(g: ConvGeometry) -> None:
    assert g.macs == sum(1 for _ in reference.products(g))


@given(g=geometries, data=st.data())
def test_sees_is_the_hull_of_the_taps_of_the_outputs_in_a_box(
    g: ConvGeometry | PoolGeometry, data: st.DataObject
) -> None:
    box = data.draw(boxes(g.P, g.Q))
    (sh, sw), (dh, dw) = g.stride, g.dilation
    rows = [p * sh - g.padding[0] + r * dh for p in range(box.top, box.bottom) for r in range(g.R)]
    columns = [q * sw - g.padding[2] + s * dw for q in range(box.left, box.right)
               for s in range(g.S)]  # fmt: skip
    assert g.input_box(box) == Box(min(rows), max(rows) + 1, min(columns), max(columns) + 1)


@given(g=geometries, data=st.data())
def test_touches_holds_every_output_with_a_tap_in_the_box(
    g: ConvGeometry | PoolGeometry, data: st.DataObject
) -> None:
    _check_touched(g, data.draw(boxes(g.H, g.W)))


@pytest.mark.parametrize("stride", [(1, 3), (3, 1), (2, 5)])
def test_rows_and_columns_have_strides_of_their_own(stride: tuple[int, int]) -> None:
    for g in (
        ConvGeometry.of((1, 1, 19, 23), (1, 1, 3, 2), stride, (1, 0, 2, 1)),
        PoolGeometry.of((1, 1, 19, 23), (2, 3), stride, 1),
    ):
        for top, left in ((0, 0), (7, 9), (17, 20)):
            _check_touched(g, Box(top, top + 2, left, left + 3))


def _check_touched(g: ConvGeometry | PoolGeometry, box: Box) -> None:
    outputs = set()
    for p, q in np.ndindex(g.P, g.Q):
        places = [place for _, place in reference.taps(g, p, q)]
        if any(box.top <= h < box.bottom and box.left <= w < box.right for h, w in places):
            outputs.add((p, q))
    found = g.output_box(box)
    inside = {(p, q) for p in range(found.top, found.bottom)
              for q in range(found.left, found.right)}  # fmt: skip
    assert outputs <= inside
    if g.dilation == (1, 1):  # else a window may step over the box
        assert inside == outputs


@st.composite
def boxes(draw: st.DrawFn, H: int, W: int) -> Box:
    """A box of at least one pixel on a plane of H x W."""
    top, left = draw(small(0, H - 1)), draw(small(0, W - 1))
    return Box(top, draw(small(top + 1, H)), left, draw(small(left + 1, W)))


@given(g=conv_geometries(pads=(-1, 2)))
def test_a_transposed_convolution_maps_the_outputs_shape_back_to_the_inputs(
    g: ConvGeometry,
) -> None:
    top, bottom, left, right = g.padding
    missed = (
        (g.H + top + bottom - g.extent[0]) % g.stride[0],
        (g.W + left + right - g.extent[1]) % g.stride[1],
    )
    back = ConvGeometry.of_transposed(
        g.y_shape, g.w_shape, g.stride, g.padding, missed, g.dilation, g.groups
    )
    assert (back.x_shape, back.y_shape) == (g.x_shape, g.y_shape)


@given(stride=pairs(1, 3), dilation=pairs(1, 4), data=st.data())
def test_any_output_padding_keeps_the_shape_of_what_is_transposed(
    stride: tuple[int, int], dilation: tuple[int, int], data: st.DataObject
) -> None:
    extra = tuple(data.draw(small(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    y_shape, w_shape = (1, 2, 3, 4), (2, 1, 2, 3)
    g = ConvGeometry.of_transposed(y_shape, w_shape, stride, 0, extra, dilation)
    assert g.y_shape == y_shape
    spans = [(n - 1) * s + (k - 1) * d + 1 + e for n, s, k, d, e
             in zip((3, 4), stride, (2, 3), dilation, extra, strict=True)]  # fmt: skip
    assert spans == [g.H, g.W]


@given(g=pool_geometries())
def test_divisors_count_taps(g: PoolGeometry) -> None:
    for (p, q), divisor in np.ndenumerate(g.divisors()):
        padded = PoolGeometry(
            1, 1, g.H + sum(g.padding[:2]), g.W + sum(g.padding[2:]), g.R, g.S, g.stride,
            (0, 0, 0, 0), g.dilation,
        )  # fmt: skip
        counted = reference.taps(padded if g.count_include_pad else g, p, q)
        assert divisor == len(list(counted))


def test_a_box_is_cut_to_the_plane() -> None:
    assert Box(-2, 3, 4, 9).clip(5, 6) == Box(0, 3, 4, 6)
    assert Box(-2, 3, 4, 9).shape == (5, 5)


def test_a_box_off_the_plane_is_cut_to_nothing() -> None:
    assert 0 in Box(7, 9, 0, 2).clip(5, 6).shape


@pytest.mark.parametrize(
    ("given_", "four"),
    [(2, (2, 2, 2, 2)), ((1, -1), (1, 1, -1, -1)), ([1, 2, 3, 4], (1, 2, 3, 4))],
)
def test_padding_is_one_number_two_or_four(given_: int, four: tuple[int, ...]) -> None:
    assert pads(given_) == four


@pytest.mark.parametrize("size", [3, np.int64(3), (3, 3), [3, 3], np.array([3, 3])])
def test_a_pair_is_one_integer_or_two(size: int) -> None:
    assert pair(size, "size") == (3, 3)
