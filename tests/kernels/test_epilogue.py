"""Epilogues: the functions of results in cache, against the kernels of whole arrays."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import named
from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.compilation import entry_point
from kernels.cpu import scaled
from kernels.cpu.epilogue import FUNCTIONS, apply, bind, epilogue, nothing

DTYPES = pytest.mark.parametrize("dtype", [np.dtype(np.float32), np.dtype(np.float64)], ids=str)
ALPHA, BETA = 0.25, 1.5


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def expected_of(function: str, x: np.ndarray) -> np.ndarray:
    if function == "identity":
        return x
    if function == "relu":
        return np.asarray(named("relu", "elementwise")(x))
    if function == "clip":
        return np.clip(x, x.dtype.type(ALPHA), x.dtype.type(BETA))
    g = ActivationGeometry.of(function, x.shape, ALPHA if function == "leaky_relu" else None)
    return np.asarray(named("activation", "elementwise")(x, g))


def numbers(rng: np.random.Generator, size: int, dtype: np.dtype) -> np.ndarray:
    x = (4 * rng.standard_normal(size)).astype(dtype)
    x[::97], x[1::97], x[2::97] = np.nan, np.inf, -np.inf
    return x


@DTYPES
@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("with_residual", [True, False])
def test_it_gives_the_bits_of_the_sum_and_of_the_activation(
    function: str, dtype: np.dtype, with_residual: bool, rng: np.random.Generator
) -> None:
    x, residual = (numbers(rng, 20011, dtype) for _ in range(2))
    y = np.full_like(x, np.nan)
    with np.errstate(invalid="ignore"):
        total = x + residual if with_residual else x
    bind(x, y, epilogue(function, dtype, residual if with_residual else None, ALPHA, BETA))()
    np.testing.assert_array_equal(y, expected_of(function, total))


@entry_point()
def _apply(y, after, at, rows, row, width):  # type: ignore[no-untyped-def]
    apply(after, y, at, rows, row, width)


@DTYPES
def test_it_changes_the_elements_of_its_runs_alone(
    dtype: np.dtype, rng: np.random.Generator
) -> None:
    x, residual = rng.standard_normal((2, 9, 20)).astype(dtype)
    y = x.reshape(-1).copy()
    _apply(y, epilogue("relu", dtype, residual.reshape(-1)), 3 * 20 + 4, 5, 20, 7)
    x[3:8, 4:11] = np.maximum(x[3:8, 4:11] + residual[3:8, 4:11], 0)
    np.testing.assert_array_equal(y.reshape(9, 20), x)


def test_nothing_changes_nothing(rng: np.random.Generator) -> None:
    x = rng.standard_normal(100)
    y = x.copy()
    _apply(y, nothing(x.dtype), 0, 1, 100, 100)
    np.testing.assert_array_equal(x, y)


def test_an_unknown_function_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no epilogue 'swish'; there are clip, gelu"):
        epilogue("swish", np.dtype(np.float32))


@DTYPES
@pytest.mark.parametrize("shape", [(3, 5, 7, 2), (2, 40, 13, 17), (1, 9000, 1, 2)])
@pytest.mark.parametrize("of_images", [True, False], ids=["each-image", "all-images"])
def test_channels_are_scaled_and_shifted_as_by_numpy(
    shape: tuple[int, ...], of_images: bool, dtype: np.dtype, rng: np.random.Generator
) -> None:
    N, C, H, W = shape
    pixels = rng.standard_normal((N, H, W, C)).astype(dtype)
    x, y = (a.transpose(0, 3, 1, 2) for a in (pixels, np.full_like(pixels, np.nan)))
    scale = rng.standard_normal((N, C) if of_images else C).astype(dtype)
    shift = None if of_images else rng.standard_normal(C).astype(dtype)
    scaled.bind(x, scale, shift, y, epilogue("relu", dtype))()
    expected = x * (scale if of_images else scale[None])[:, :, None, None]
    expected = expected if shift is None else expected + shift[:, None, None]
    np.testing.assert_array_equal(y, np.maximum(expected, 0))
