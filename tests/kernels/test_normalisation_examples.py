"""Normalisation of example inputs, and its parameters; the properties are in `kernels/verify`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels import Kernel, all_kernels
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.verify import make

OPERATIONS = (
    *("local_contrast_norm", "local_contrast_norm_vjp"),
    *("local_response_norm", "local_response_norm_vjp"),
)


def of(*names: str) -> Any:
    kernels = [k for name in names for k in all_kernels(name) if k.device == "cpu"]
    ids = [f"{k.operation}-{k.name}" for k in kernels]
    return pytest.mark.parametrize("kernel", kernels, ids=ids)


def draw(g: LCNGeometry | LRNGeometry, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(g.x_shape).astype(dtype)


@of("local_contrast_norm")
def test_one_pixel_changes_every_output_of_its_image_and_of_no_other(kernel: Kernel) -> None:
    g = LCNGeometry.of((3, 2, 30, 30))
    x = draw(g)
    x[:, :, 14:17, 14:17] *= 1000  # a loud spot: elsewhere c, not sigma, divides
    changed = x.copy()
    changed[1, 0, 15, 15] += 100
    differs = kernel(changed, g)[0] != kernel(x, g)[0]
    assert differs[1].all() and not differs[[0, 2]].any()


@of("local_response_norm")
def test_a_loud_channel_leaves_no_rounding_in_channels_beyond_its_window(kernel: Kernel) -> None:
    g = LRNGeometry.of((1, 12, 1, 1), alpha=1.0)
    x = draw(g, np.float32)
    loud = x.copy()
    loud[0, 2] = 1e6
    assert (kernel(loud, g)[0, 5:] == kernel(x, g)[0, 5:]).all()


@of("local_response_norm")
def test_without_alpha_a_response_is_divided_by_a_constant(kernel: Kernel) -> None:
    g = LRNGeometry.of((1, 3, 2, 2), alpha=0.0, beta=0.5, k=4.0)
    assert (kernel(draw(g), g) == draw(g) / 2).all()


@of(*OPERATIONS)
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4)])
def test_nothing_in_gives_nothing_out(kernel: Kernel, shape: tuple[int, int, int, int]) -> None:
    geometry = LCNGeometry if "contrast" in kernel.operation else LRNGeometry
    (result,) = make(kernel.operation, geometry.of(shape), "normal", 0).run(kernel)
    assert result.shape == shape


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 3, 0, 4), {}, r"\(1, 3, 0, 4\)"),
        ((1, 3, 4, 4), {"size": 4}, "got 4, 3 or 5 would do"),
        ((1, 3, 4, 4), {"sigma": 0}, "sigma must be finite and above 0, got 0"),
        ((1, 3, 4, 4), {"floor": float("nan")}, "floor must be finite and above 0, got nan"),
        ((1, 3, 4, 4), {"border": "same"}, "'zero'.*got 'same'"),
    ],
)
def test_bad_settings_of_contrast_normalisation_are_named_with_their_numbers(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LCNGeometry.of(shape, **options)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((3, 4), {}, r"\(3, 4\)"),
        ((1, 3, 4, 4), {"size": 0}, "size must be an integer from 1 to 65,535, got 0"),
        ((1, 3, 4, 4), {"alpha": -1.0}, "alpha must be finite and at least 0, got -1.0"),
        ((1, 3, 4, 4), {"beta": float("inf")}, "beta must be finite, got inf"),
        ((1, 3, 4, 4), {"k": -1.0}, "k must be finite and at least 0, got -1.0"),
    ],
)
def test_bad_settings_of_response_normalisation_are_named_with_their_numbers(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LRNGeometry.of(shape, **options)
