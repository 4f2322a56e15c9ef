"""Pointwise convolution: its tiles divide all pixels, and its pieces all tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import ConvGeometry, named
from kernels.conv2d.pointwise import tiles
from kernels.cpu.micro_kernel import MR
from kernels.cpu.micro_kernel_in_place import HEIGHTS

pytestmark = pytest.mark.quick


def geometry(pixels: int, C: int, K: int) -> ConvGeometry:
    return ConvGeometry.of((1, C, 1, pixels), (K, C, 1, 1))


@given(st.integers(1, 5000))
@settings(deadline=None)
def test_every_pixel_is_in_a_tile_of_a_height_that_the_micro_kernel_has(pixels: int) -> None:
    of = tiles(geometry(pixels, 3, 5), 4)
    tops = [t * of.pixels // of.tall for t in range(of.tall + 1)] if of.tall else [0]
    assert set(np.diff(tops)) <= set(HEIGHTS) and tops[-1] == of.pixels
    assert of.total == of.tall + pixels - of.pixels
    assert pixels - of.pixels < MR, "no more single pixels than a tile has"


# Whole numbers, so that every sum is exact. Pixels of few and of many tiles, divided or not; blocks
# of some of the tiles, of which the last is shorter; panels of one and two vectors; pieces that
# begin inside a panel.
@pytest.mark.parametrize("pixels", [1, 5, 13, 25, 49, 64, 169, 510])
@pytest.mark.parametrize("C, K", [(3, 1), (5, 40), (64, 48), (1100, 70)])
def test_every_output_is_the_sum_of_its_products(pixels: int, C: int, K: int) -> None:
    rng, g = np.random.default_rng(0), geometry(pixels, C, K)
    x, w = (rng.integers(-4, 5, s).astype(np.float32) for s in (g.x_shape, g.w_shape))
    y = named("conv2d", "pointwise")(x, w, g, bias=np.arange(K, dtype=np.float32))
    expected = np.einsum("cp,kc->kp", x[0, :, 0], w[:, :, 0, 0]) + np.arange(K)[:, None]
    assert np.array_equal(y[0, :, 0], expected)


def test_a_large_layer_has_several_blocks_of_pixels() -> None:
    of = tiles(geometry(510, 1100, 70), 4)
    assert of.block < of.total and of.total % of.block, "the last one is shorter"
