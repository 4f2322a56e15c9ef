"""Pooling, unpooling and their transposes: every registered kernel against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Kernel, PoolGeometry, all_kernels, memory, reference
from kernels.verify.arrays import GUISES, dtypes, integers, normal, rngs
from kernels.verify.bounds import of_kernel, rounding, same_bits, within
from kernels.verify.geometries import pool_geometries

COLLISIONS = ("sum", "max", "last")
POOLING = (
    "max_pool2d",
    "max_unpool2d",
    "max_unpool2d_vjp",
    "avg_pool2d",
    "avg_pool2d_vjp",
)
POOLS = [k for name in POOLING for k in all_kernels(name) if k.device == "cpu"]


def of(*names: str) -> Any:
    return each(*(k for k in POOLS if k.operation in names))


def switches_of(g: PoolGeometry, rng: np.random.Generator) -> np.ndarray:
    """(N,C,P,Q): where max-pooling finds the largest of random values; windows share some."""
    return reference.max_pool2d(integers(g.x_shape, rng, np.float64), g)[1]


def operands(kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any) -> Any:
    shape = g.x_shape if kernel.operation in ("max_pool2d", "max_unpool2d_vjp", "avg_pool2d") else (
        g.y_shape
    )  # fmt: skip
    array = normal(shape, rng, dtype)
    return (array, switches_of(g, rng)) if "unpool" in kernel.operation else (array,)


def as_tuple(result: Any) -> tuple[np.ndarray, ...]:
    return result if isinstance(result, tuple) else (result,)


@of("max_pool2d")
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_max_pooling_finds_the_first_of_equal_maxima(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    x = integers(g.x_shape, rng, dtype)
    with memory.poisoned():
        y, switches = kernel(x, g)
    expected, places = reference.max_pool2d(x, g)
    assert (y.dtype, switches.dtype) == (dtype, np.int32)
    assert np.array_equal(y, expected)
    assert np.array_equal(switches, places)


@of("max_pool2d")
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_the_values_of_max_pooling_stand_at_its_switches(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    x = normal(g.x_shape, rng, dtype)
    y, switches = kernel(x, g)
    planes = x.reshape(g.N, g.C, -1)  # (N,C,H,W) -> (N,C,HW)
    places = switches.reshape(g.N, g.C, -1)  # (N,C,P,Q) -> (N,C,PQ)
    assert np.array_equal(np.take_along_axis(planes, places, 2).reshape(y.shape), y)


@of("max_pool2d")
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_the_first_nan_of_a_window_is_its_maximum(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    x = integers(g.x_shape, rng, dtype)
    x[rng.random(x.shape) < 0.3] = np.nan
    y, switches = kernel(x, g)
    expected, places = reference.max_pool2d(x, g)
    assert np.array_equal(y, expected, equal_nan=True)
    assert np.array_equal(switches, places)


@of("max_pool2d")
def test_padding_is_never_the_maximum(kernel: Kernel) -> None:
    g = PoolGeometry.of((1, 1, 3, 3), 3, 2, 1)
    y, _ = kernel(np.full(g.x_shape, -5, np.float32), g)
    assert (y == -5).all()


@of("max_pool2d")
def test_a_plane_of_minus_infinity_has_switches_on_it(kernel: Kernel) -> None:
    g = PoolGeometry.of((1, 1, 3, 3), 3, 2, 1)
    y, switches = kernel(np.full(g.x_shape, -np.inf, np.float32), g)
    assert np.array_equal(y.reshape(-1), [-np.inf] * 4)
    assert np.array_equal(switches.reshape(-1), [0, 1, 3, 4])


@of("max_unpool2d")
@pytest.mark.parametrize("collisions", COLLISIONS)
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_unpooling_is_its_definition(
    kernel: Kernel, collisions: str, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    y, switches = normal(g.y_shape, rng, dtype), switches_of(g, rng)
    with memory.poisoned():
        x = kernel(y, switches, g, collisions=collisions)
    absolute = reference.max_unpool2d(np.abs(y), switches, g)  # at most R S windows meet
    bound = 2 * rounding(g.R * g.S, absolute, dtype) if collisions == "sum" else 0.0
    assert x.dtype == dtype
    assert within(x, reference.max_unpool2d(y, switches, g, collisions=collisions), bound)


@of("max_unpool2d")
@pytest.mark.parametrize("collisions", COLLISIONS)
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_collisions_treat_nan_as_the_definition_does(
    kernel: Kernel, collisions: str, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    y, switches = integers(g.y_shape, rng, dtype), switches_of(g, rng)
    y[rng.random(y.shape) < 0.3] = np.nan
    x = kernel(y, switches, g, collisions=collisions)
    expected = reference.max_unpool2d(y, switches, g, collisions=collisions)
    assert np.array_equal(x, expected, equal_nan=True)


@of("max_unpool2d")
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_the_law_of_collisions_does_not_matter_where_nothing_collides(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    y = normal(g.y_shape, rng, dtype)
    places = [rng.choice(g.H * g.W + g.P * g.Q, g.P * g.Q, False) for _ in range(g.N * g.C)]
    switches = np.array(places, np.int32).reshape(g.y_shape)  # (NC,PQ) -> (N,C,P,Q)
    large = PoolGeometry(g.N, g.C, 1, g.H * g.W + g.P * g.Q, 1, 1, (1, 1), (0,) * 4, (1, 1))
    results = [kernel(y, switches, large, collisions=law) for law in COLLISIONS]
    assert same_bits(results[0], results[1])
    assert same_bits(results[0], results[2])


@of("max_unpool2d")
@pytest.mark.parametrize(("collisions", "value"), [("sum", -6.0), ("max", -1.0), ("last", -2.0)])
def test_negative_values_that_collide_are_not_compared_with_the_zero_around_them(
    kernel: Kernel, collisions: str, value: float
) -> None:
    g = PoolGeometry.of((1, 1, 1, 5), (1, 3), 1)
    y = np.array([-1, -3, -2], np.float32).reshape(g.y_shape)  # (Q,) -> (N,C,P,Q)
    x = kernel(y, np.full(g.y_shape, 2, np.int32), g, collisions=collisions)
    assert np.array_equal(x.reshape(-1), [0, 0, value, 0, 0])


@of("max_unpool2d_vjp")
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_the_transpose_of_unpooling_gathers_at_the_switches(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    x, switches = normal(g.x_shape, rng, dtype), switches_of(g, rng)
    with memory.poisoned():
        y = kernel(x, switches, g)
    assert y.dtype == dtype
    assert np.array_equal(y, reference.max_unpool2d_vjp(x, switches, g))


@of("avg_pool2d", "avg_pool2d_vjp")
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_average_pooling_and_its_transpose_err_within_their_bounds(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    (array,), define = operands(kernel, g, rng, dtype), getattr(reference, kernel.operation)
    with memory.poisoned():
        result = kernel(array, g)
    bound = of_kernel(kernel, g, define(np.abs(array), g), dtype, g.R * g.S + 1)
    assert result.dtype == dtype
    assert within(result, define(array, g), bound)


@pytest.mark.parametrize(
    ("forward", "transpose"),
    [("max_unpool2d", "max_unpool2d_vjp"), ("avg_pool2d", "avg_pool2d_vjp")],
)
@given(g=pool_geometries(), rng=rngs)
def test_a_transpose_is_adjoint(
    forward: str, transpose: str, g: PoolGeometry, rng: np.random.Generator
) -> None:
    """<a, f(b)> = <f^T(a), b>: exactly for unpooling integers, to rounding for averages."""
    there, back = (all_kernels(name)[0] for name in (forward, transpose))
    b = integers(g.x_shape if forward == "avg_pool2d" else g.y_shape, rng, np.float64)
    a = integers(g.y_shape if forward == "avg_pool2d" else g.x_shape, rng, np.float64)
    saved = (switches_of(g, rng),) if "unpool" in forward else ()
    one, other = a * there(b, *saved, g), back(a, *saved, g) * b
    absolute = np.abs(a) * there(np.abs(b), *saved, g)
    units = one.size + other.size + 2 * g.R * g.S + 4 if forward == "avg_pool2d" else 0
    assert within(one.sum(), other.sum(), rounding(units, absolute.sum(), np.float64))


@pytest.mark.parametrize("guise", GUISES)
@each(*POOLS)
@given(g=pool_geometries(), rng=rngs, dtype=dtypes)
def test_the_memory_of_the_inputs_changes_no_bit(
    kernel: Kernel, guise: str, g: PoolGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    arrays = operands(kernel, g, rng, dtype)
    disguised = [GUISES[guise](a) for a in arrays]
    pairs = zip(as_tuple(kernel(*disguised, g)), as_tuple(kernel(*arrays, g)), strict=True)
    assert all(same_bits(a, b) for a, b in pairs)


@each(*POOLS)
@given(g=pool_geometries(), rng=rngs, dtype=dtypes, channels_last=st.booleans())
def test_the_inputs_are_only_read(
    kernel: Kernel, g: PoolGeometry, rng: np.random.Generator, dtype: Any, channels_last: bool
) -> None:
    guise = GUISES["channels-last" if channels_last else "row-major"]
    arrays = [guise(a) for a in operands(kernel, g, rng, dtype)]
    before = [a.copy() for a in arrays]
    kernel(*arrays, g)
    assert all(same_bits(a, b) for a, b in zip(arrays, before, strict=True))


@each(*POOLS)
@pytest.mark.parametrize("shape", [(0, 2, 5, 4), (2, 0, 5, 4), (0, 0, 5, 4)])
def test_an_empty_batch_or_no_channels_give_nothing(kernel: Kernel, shape: tuple[int, ...]) -> None:
    g = PoolGeometry.of(shape, 3, 2, 1)
    arrays = operands(kernel, g, np.random.default_rng(0), np.float32)
    for result in as_tuple(kernel(*arrays, g)):
        assert result.shape in (g.x_shape, g.y_shape)
        assert result.size == 0
