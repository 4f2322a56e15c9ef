"""Products with windows in place: tiles divide all pixels, and pieces divide all tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import ConvGeometry, named, reference
from kernels.cpu.in_place import Tiles, tiles
from kernels.cpu.micro_kernel_in_place import HEIGHTS

pytestmark = pytest.mark.quick


def tiles_of(rows: int, width: int, terms: int = 3, filters: int = 5) -> Tiles:
    offsets = np.arange(rows) * width * terms
    return tiles(offsets, width, terms, (terms + filters) * 4, filters, terms)


@given(st.integers(1, 5), st.integers(1, 900))
@settings(deadline=None)
def test_every_pixel_is_in_a_tile_of_a_height_that_the_micro_kernel_has(
    rows: int, width: int
) -> None:
    of = tiles_of(rows, width)
    assert set(np.diff(of.pixels)) <= set(HEIGHTS)
    assert of.pixels[0] == 0 and of.pixels[-1] == rows * width
    assert np.array_equal(of.windows, of.pixels[:-1] * 3), "as the windows follow each other here"
    assert set(range(0, rows * width, width)) <= set(of.pixels), "no tile crosses the end of a row"


# Whole numbers, so that every sum is exact. Pixels of few and of many tiles; blocks of some of the
# tiles, of which the last is shorter; panels of one and two vectors; pieces that begin inside a
# panel.
@pytest.mark.parametrize("pixels", [1, 5, 13, 25, 49, 64, 169, 510])
@pytest.mark.parametrize("C, K", [(3, 1), (5, 40), (64, 48), (1100, 70)])
def test_every_output_is_the_sum_of_its_products(pixels: int, C: int, K: int) -> None:
    rng, g = np.random.default_rng(0), ConvGeometry.of((1, C, 1, pixels), (K, C, 1, 1))
    x, w = (rng.integers(-4, 5, s).astype(np.float32) for s in (g.x_shape, g.w_shape))
    y = named("conv2d", "pointwise")(x, w, g, bias=np.arange(K, dtype=np.float32))
    expected = np.einsum("cp,kc->kp", x[0, :, 0], w[:, :, 0, 0]) + np.arange(K)[:, None]
    assert np.array_equal(y[0, :, 0], expected)


@pytest.mark.parametrize("size", [(2, 40, 9, 15), (1, 130, 20, 20), (3, 3, 5, 4)])
@pytest.mark.parametrize("K, stride", [(5, 1), (40, 2), (70, 3)])
def test_windows_with_long_sums_are_read_in_place(
    size: tuple[int, int, int, int], K: int, stride: int
) -> None:
    rng, w_shape = np.random.default_rng(0), (K, size[1], 3, 3)
    g = ConvGeometry.of(size, w_shape, stride=stride, padding=1)
    x, w = (rng.integers(-4, 5, s).astype(np.float32) for s in (size, w_shape))
    y = named("conv2d", "sliding")(x, w, g)
    assert np.array_equal(y, reference.conv2d(x, w, g))


def test_a_large_layer_has_several_blocks_of_pixels() -> None:
    of = tiles_of(1, 510, 1100, 70)
    assert of.block < len(of.windows)
    assert len(of.windows) % of.block, "the last one is shorter"
