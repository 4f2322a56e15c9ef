"""Pooling on planes that can be checked by hand; the properties are in `kernels/verify`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels import Kernel, PoolGeometry, Problem, all_kernels
from kernels.verify import make

pytestmark = pytest.mark.quick

POOLING = ("max_pool2d", "max_unpool2d", "max_unpool2d_vjp", "avg_pool2d", "avg_pool2d_vjp")
MANY = 256
"""Channels, more than any vector or block of them."""
OVERLAPPING = PoolGeometry.of((1, MANY, 3, 3), 3, 2, 1)
ROW = PoolGeometry.of((1, 1, 1, 4), (1, 4))
FIVE, FOUR = (PoolGeometry.of((1, 1, 1, W), (1, 3), 1) for W in (5, 4))
NOTHING = [PoolGeometry.of((N, C, 5, 4), 3, 2, 1) for N, C in ((0, MANY), (2, 0), (0, 0))]


def of(*names: str, **problem: Any) -> Any:
    """The kernels that serve the problem."""
    kernels = [k for name in names for k in all_kernels(name) if k.device == "cpu"]
    serving = [k for k in kernels if k.supports(Problem(**problem))]
    return pytest.mark.parametrize(
        "kernel", serving, ids=[f"{k.operation}-{k.name}" for k in serving]
    )


@of("max_pool2d", geometry=OVERLAPPING)
def test_padding_is_never_the_maximum(kernel: Kernel) -> None:
    y, _ = kernel(np.full(OVERLAPPING.x_shape, -5, np.float32), OVERLAPPING)
    assert (y == -5).all()


@of("max_pool2d", geometry=OVERLAPPING)
def test_a_plane_of_minus_infinity_has_switches_on_it(kernel: Kernel) -> None:
    y, switches = kernel(np.full(OVERLAPPING.x_shape, -np.inf, np.float32), OVERLAPPING)
    assert (y == -np.inf).all()
    assert (switches.reshape(MANY, 4) == [0, 1, 3, 4]).all()  # (1,C,2,2) -> (C,4)


@of("max_pool2d", geometry=ROW)
def test_the_first_nan_of_a_window_is_its_maximum(kernel: Kernel) -> None:
    x = np.array([np.inf, np.nan, 7, np.nan], np.float32).reshape(ROW.x_shape)  # (W,) -> (N,C,H,W)
    y, switches = kernel(x, ROW)
    assert np.isnan(y).all()
    assert switches.item() == 1


@of("max_unpool2d", geometry=FIVE)
@pytest.mark.parametrize(("collisions", "value"), [("sum", -6.0), ("max", -1.0), ("last", -2.0)])
def test_negative_values_that_collide_are_not_compared_with_the_zero_around_them(
    kernel: Kernel, collisions: str, value: float
) -> None:
    g = FIVE
    y = np.array([-1, -3, -2], np.float32).reshape(g.y_shape)  # (Q,) -> (N,C,P,Q)
    x = kernel(y, np.full(g.y_shape, 2, np.int32), g, collisions=collisions)
    assert np.array_equal(x.reshape(-1), [0, 0, value, 0, 0])


@of("max_unpool2d", geometry=FOUR)
@pytest.mark.parametrize(("collisions", "value"), [("sum", np.nan), ("max", np.nan), ("last", 2.0)])
def test_a_nan_that_collides_is_lost_only_under_a_later_value(
    kernel: Kernel, collisions: str, value: float
) -> None:
    g = FOUR
    y = np.array([np.nan, 2], np.float32).reshape(g.y_shape)  # (Q,) -> (N,C,P,Q)
    x = kernel(y, np.full(g.y_shape, 1, np.int32), g, collisions=collisions)
    assert np.array_equal(x.reshape(-1), [0, value, 0, 0], equal_nan=True)


@pytest.mark.parametrize(
    ("kernel", "g"),
    [
        pytest.param(k, g, id=f"{k.operation}-{k.name}-{g.N}x{g.C}")
        for k in all_kernels()
        for g in NOTHING
        if k.operation in POOLING and k.device == "cpu" and k.supports(g)
    ],
)
def test_an_empty_batch_or_no_channels_give_nothing(kernel: Kernel, g: PoolGeometry) -> None:
    call = make(kernel.operation, g, "normal", 0, np.float32)
    for result, expected in zip(call.run(kernel), call.define(), strict=True):
        assert result.shape == expected.shape
        assert result.size == 0
