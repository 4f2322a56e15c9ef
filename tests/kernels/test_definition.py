"""Whole-array definitions against the nested loops, on drawn shapes.

Whole numbers are summed without rounding, so there every bit is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels import ConvGeometry, PoolGeometry, reference
from kernels.bounds import eps
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.definition import pooling
from kernels.definition.convolution import DEFINITIONS, WIDE
from kernels.definition.normalisation import Contrast, Response
from kernels.verify.contrast_bounds import ContrastBounds
from kernels.verify.geometries import (
    SMALL,
    contrast_geometries,
    conv_geometries,
    counts,
    pool_geometries,
    response_geometries,
)

pytestmark = pytest.mark.quick

ROUNDING = 1e3 * eps(np.float64)
"""Of a few hundred roundings in float64; a wrong term is larger by far."""
seeds = st.integers(0, 2**32 - 1)
planes = st.tuples(counts(0, 2), counts(0, 4), counts(1, 4), counts(1, 5))


def integers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Small whole numbers, among which there are equal ones."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float64, WIDE])
@pytest.mark.parametrize("operation", DEFINITIONS)
@given(g=conv_geometries(SMALL), seed=seeds)
def test_convolutions_are_the_nested_loops(
    operation: str, dtype: Any, g: ConvGeometry, seed: int
) -> None:
    sides = {"x": g.x_shape, "w": g.w_shape, "gy": g.y_shape}
    operands = {"conv2d": "x w", "conv2d_dgrad": "gy w", "conv2d_wgrad": "x gy"}[operation]
    inputs = [integers(sides[name], seed + i) for i, name in enumerate(operands.split())]
    found = DEFINITIONS[operation](*inputs, g, dtype)
    assert found.dtype == dtype
    assert np.array_equal(found, getattr(reference, operation)(*inputs, g))


@given(g=pool_geometries(least=0), seed=seeds, lost=st.sampled_from([None, np.nan, -np.inf]))
def test_max_pooling_is_the_nested_loops(g: PoolGeometry, seed: int, lost: float | None) -> None:
    x = integers(g.x_shape, seed)
    if lost is not None:
        x[x > 0] = lost
    for found, expected in zip(pooling.max_pool2d(x, g), reference.max_pool2d(x, g), strict=True):
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("collisions", ["sum", "max", "last"])
@given(g=pool_geometries(least=0), seed=seeds)
def test_unpooling_is_the_nested_loops(g: PoolGeometry, seed: int, collisions: str) -> None:
    _, switches = reference.max_pool2d(integers(g.x_shape, seed), g)
    y = integers(g.y_shape, seed + 1)
    found = pooling.max_unpool2d(y, switches, g, collisions=collisions)
    assert np.array_equal(found, reference.max_unpool2d(y, switches, g, collisions=collisions))


@given(g=pool_geometries(least=0), seed=seeds)
def test_unpooling_s_transpose_is_the_nested_loops(g: PoolGeometry, seed: int) -> None:
    _, switches = reference.max_pool2d(integers(g.x_shape, seed), g)
    x = integers(g.x_shape, seed + 1)
    expected = reference.max_unpool2d_vjp(x, switches, g)
    assert np.array_equal(pooling.max_unpool2d_vjp(x, switches, g), expected)


@given(g=pool_geometries(least=0), seed=seeds)
def test_averages_and_their_transpose_are_the_nested_loops(g: PoolGeometry, seed: int) -> None:
    x, gy = integers(g.x_shape, seed), integers(g.y_shape, seed + 1)
    assert close(pooling.avg_pool2d(x, g), reference.avg_pool2d(x, g))
    assert close(pooling.avg_pool2d_vjp(gy, g), reference.avg_pool2d_vjp(gy, g))


@given(g=pool_geometries(), seed=seeds)
def test_pooling_of_one_image_is_that_of_the_batch(g: PoolGeometry, seed: int) -> None:
    """Planes may have any leading axes."""
    x, gy = integers(g.x_shape, seed), integers(g.y_shape, seed + 1)
    y, switches = pooling.max_pool2d(x, g)
    back, share = pooling.max_unpool2d(gy, switches, g), pooling.avg_pool2d_vjp(gy, g)
    for n in range(g.N):
        assert np.array_equal(pooling.max_pool2d(x[n], g)[0], y[n])
        assert np.array_equal(pooling.max_pool2d(x[n], g)[1], switches[n])
        assert np.array_equal(pooling.max_unpool2d(gy[n], switches[n], g), back[n])
        assert np.array_equal(pooling.max_unpool2d_vjp(x[n], switches[n], g), y[n])
        assert np.array_equal(pooling.avg_pool2d(x[n], g), pooling.avg_pool2d(x, g)[n])
        assert np.array_equal(pooling.avg_pool2d_vjp(gy[n], g), share[n])


@given(g=contrast_geometries(planes), seed=seeds)
def test_contrast_normalisation_is_the_nested_loops(g: LCNGeometry, seed: int) -> None:
    x, gy = normal(g.x_shape, seed), normal(g.x_shape, seed + 1)
    parts = ContrastBounds(x, g)
    assert np.array_equal(Contrast(x, g).y, parts.y)
    off = np.abs(parts.y - reference.local_contrast_norm(x, g))
    assert (off <= parts.forward_bound(ROUNDING)).all()
    assume(parts.gap() > ROUNDING * parts.largest.max(initial=1.0))  # at a tie it jumps
    assume(parts.condition().max(initial=1.0) < 1e6)
    off = np.abs(parts.vjp(gy) - reference.local_contrast_norm_vjp(gy, x, g))
    assert (off <= parts.vjp_bound(gy, ROUNDING)).all()


@given(g=response_geometries(planes, st.integers(1, 6)), seed=seeds)
def test_response_normalisation_is_the_nested_loops(g: LRNGeometry, seed: int) -> None:
    x, gy = normal(g.x_shape, seed), normal(g.x_shape, seed + 1)
    parts = Response(x, g)
    assert close(parts.y, reference.local_response_norm(x, g))
    magnitude = sum(np.abs(term) for term in parts.terms(gy))
    off = np.abs(parts.vjp(gy) - reference.local_response_norm_vjp(gy, x, g))
    assert (off <= ROUNDING * (magnitude + Response(np.abs(x), g).terms(np.abs(gy))[1])).all()


def normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    scale = np.abs(expected).max(initial=1.0)
    return found.shape == expected.shape and bool(
        (np.abs(found - expected) <= ROUNDING * scale).all()
    )
