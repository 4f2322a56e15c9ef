"""Pooling on planes that can be checked by hand; the properties are in `kernels/verify`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels import Kernel, PoolGeometry, all_kernels
from kernels.verify import make

pytestmark = pytest.mark.quick

POOLING = ("max_pool2d", "max_unpool2d", "max_unpool2d_vjp", "avg_pool2d", "avg_pool2d_vjp")
OVERLAPPING = PoolGeometry.of((1, 1, 3, 3), 3, 2, 1)


def of(*names: str) -> Any:
    kernels = [k for name in names for k in all_kernels(name) if k.device == "cpu"]
    ids = [f"{k.operation}-{k.name}" for k in kernels]
    return pytest.mark.parametrize("kernel", kernels, ids=ids)


@of("max_pool2d")
def test_padding_is_never_the_maximum(kernel: Kernel) -> None:
    y, _ = kernel(np.full(OVERLAPPING.x_shape, -5, np.float32), OVERLAPPING)
    assert (y == -5).all()


@of("max_pool2d")
def test_a_plane_of_minus_infinity_has_switches_on_it(kernel: Kernel) -> None:
    y, switches = kernel(np.full(OVERLAPPING.x_shape, -np.inf, np.float32), OVERLAPPING)
    assert np.array_equal(y.reshape(-1), [-np.inf] * 4)
    assert np.array_equal(switches.reshape(-1), [0, 1, 3, 4])


@of("max_pool2d")
def test_the_first_nan_of_a_window_is_its_maximum(kernel: Kernel) -> None:
    g = PoolGeometry.of((1, 1, 1, 4), (1, 4))
    x = np.array([np.inf, np.nan, 7, np.nan], np.float32).reshape(g.x_shape)  # (W,) -> (N,C,H,W)
    y, switches = kernel(x, g)
    assert np.isnan(y).all()
    assert switches.item() == 1


@of("max_unpool2d")
@pytest.mark.parametrize(("collisions", "value"), [("sum", -6.0), ("max", -1.0), ("last", -2.0)])
def test_negative_values_that_collide_are_not_compared_with_the_zero_around_them(
    kernel: Kernel, collisions: str, value: float
) -> None:
    g = PoolGeometry.of((1, 1, 1, 5), (1, 3), 1)
    y = np.array([-1, -3, -2], np.float32).reshape(g.y_shape)  # (Q,) -> (N,C,P,Q)
    x = kernel(y, np.full(g.y_shape, 2, np.int32), g, collisions=collisions)
    assert np.array_equal(x.reshape(-1), [0, 0, value, 0, 0])


@of("max_unpool2d")
@pytest.mark.parametrize(("collisions", "value"), [("sum", np.nan), ("max", np.nan), ("last", 2.0)])
def test_a_nan_that_collides_is_lost_only_under_a_later_value(
    kernel: Kernel, collisions: str, value: float
) -> None:
    g = PoolGeometry.of((1, 1, 1, 4), (1, 3), 1)
    y = np.array([np.nan, 2], np.float32).reshape(g.y_shape)  # (Q,) -> (N,C,P,Q)
    x = kernel(y, np.full(g.y_shape, 1, np.int32), g, collisions=collisions)
    assert np.array_equal(x.reshape(-1), [0, value, 0, 0], equal_nan=True)


@of(*POOLING)
@pytest.mark.parametrize("shape", [(0, 2, 5, 4), (2, 0, 5, 4), (0, 0, 5, 4)])
def test_an_empty_batch_or_no_channels_give_nothing(kernel: Kernel, shape: tuple[int, ...]) -> None:
    g = PoolGeometry.of(shape, 3, 2, 1)
    call = make(kernel.operation, g, "normal", 0, np.float32)
    for result, expected in zip(call.run(kernel), call.define(), strict=True):
        assert result.shape == expected.shape
        assert result.size == 0
