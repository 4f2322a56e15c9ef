"""The three convolutions: every registered kernel against the definition and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawing import GUISES, conv_geometries, dtypes, each, integers, normal, rngs
from hypothesis import assume, given
from hypothesis import strategies as st
from tolerances import of_kernel, same_bits, within

from kernels import ConvGeometry, Kernel, all_kernels, memory, pick, reference

OPERANDS = {"conv2d": ("x", "w"), "conv2d_dgrad": ("y", "w"), "conv2d_wgrad": ("x", "y")}
CONVOLUTIONS = [k for name in OPERANDS for k in all_kernels(name) if k.device == "cpu"]
every_convolution = each(*CONVOLUTIONS)


def draw(shapes_of: ConvGeometry, fill: Any, rng: np.random.Generator, dtype: Any) -> Any:
    """x, w and y of a geometry by name."""
    g = shapes_of
    return {n: fill(s, rng, dtype) for n, s in zip("xwy", (g.x_shape, g.w_shape, g.y_shape),
                                                   strict=True)}  # fmt: skip


def operands(kernel: Kernel, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [arrays[name] for name in OPERANDS[kernel.operation]]


def define(kernel: Kernel, arrays: list[np.ndarray], g: ConvGeometry, **options: Any) -> Any:
    return getattr(reference, kernel.operation)(*arrays, g, **options)


def chain(g: ConvGeometry) -> int:
    """The most products that one element of any of the three sums, and the bias."""
    taps = g.R * g.S
    return max(g.C // g.groups * taps, g.K // g.groups * taps, g.N * g.P * g.Q) + 1


def bound_of(
    kernel: Kernel, arrays: list[np.ndarray], g: ConvGeometry, **options: Any
) -> np.ndarray:
    magnitudes = [np.abs(a) for a in arrays]
    absolute = define(kernel, magnitudes, g, **{k: np.abs(v) for k, v in options.items()})
    return of_kernel(kernel, g, absolute, arrays[0].dtype, chain(g))


@every_convolution
@given(g=conv_geometries(), rng=rngs, dtype=dtypes)
def test_a_kernel_writes_all_of_its_result_and_errs_within_its_bound(
    kernel: Kernel, g: ConvGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    assume(kernel.supports(g))
    arrays = operands(kernel, draw(g, normal, rng, dtype))
    with memory.poisoned():
        result = kernel(*arrays, g)
    assert result.dtype == dtype
    assert within(result, define(kernel, arrays, g), bound_of(kernel, arrays, g))


@every_convolution
@given(g=conv_geometries(), rng=rngs, dtype=dtypes)
def test_an_exact_kernel_makes_no_error_on_small_integers(
    kernel: Kernel, g: ConvGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    assume(kernel.exact and kernel.supports(g))
    arrays = operands(kernel, draw(g, integers, rng, dtype))
    assert np.array_equal(kernel(*arrays, g), define(kernel, arrays, g))


@each(*(k for k in CONVOLUTIONS if k.operation == "conv2d"))
@given(g=conv_geometries(), rng=rngs, dtype=dtypes)
def test_conv2d_adds_one_bias_a_filter(
    kernel: Kernel, g: ConvGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    assume(kernel.supports(g))
    arrays, bias = operands(kernel, draw(g, normal, rng, dtype)), normal((g.K,), rng, dtype)
    with memory.poisoned():
        result = kernel(*arrays, g, bias=bias)
    expected = define(kernel, arrays, g, bias=bias)
    assert within(result, expected, bound_of(kernel, arrays, g, bias=bias))


@each(*(k for k in CONVOLUTIONS if k.exact))
@given(g=conv_geometries(), rng=rngs)
def test_each_convolution_gives_the_same_trilinear_form(
    kernel: Kernel, g: ConvGeometry, rng: np.random.Generator
) -> None:
    """<y, conv2d(x, w)> = <dgrad(y, w), x> = <wgrad(x, y), w>, exactly on integers."""
    assume(kernel.supports(g))
    arrays = draw(g, integers, rng, np.float64)
    definition = sum(arrays["y"][i] * arrays["x"][j] * arrays["w"][k]
                     for i, j, k in reference.products(g))  # fmt: skip
    (third,) = {"x", "w", "y"} - set(OPERANDS[kernel.operation])
    assert (kernel(*operands(kernel, arrays), g) * arrays[third]).sum() == definition


@given(g=conv_geometries(), rng=rngs, dtype=dtypes)
def test_the_flipped_kernel_and_the_scatter_are_one_transposed_convolution(
    g: ConvGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    flipped, scatter = (pick("conv2d_dgrad", "cpu", g, name) for name in ("flipped", "col2im"))
    arrays = operands(flipped, draw(g, normal, rng, dtype))
    bound = bound_of(flipped, arrays, g) + bound_of(scatter, arrays, g)
    assert within(flipped(*arrays, g), scatter(*arrays, g), bound)


@pytest.mark.parametrize("guise", GUISES)
@every_convolution
@given(g=conv_geometries(), rng=rngs, dtype=dtypes)
def test_the_memory_of_the_inputs_changes_no_bit(
    kernel: Kernel, guise: str, g: ConvGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    assume(kernel.supports(g))
    arrays = operands(kernel, draw(g, normal, rng, dtype))
    disguised = [GUISES[guise](a) for a in arrays]
    assert same_bits(kernel(*disguised, g), kernel(*arrays, g))


@every_convolution
@given(g=conv_geometries(), rng=rngs, dtype=dtypes, channels_last=st.booleans())
def test_the_inputs_are_only_read(
    kernel: Kernel,
    g: ConvGeometry,
    rng: np.random.Generator,
    dtype: Any,
    channels_last: bool,
) -> None:
    assume(kernel.supports(g))
    guise = GUISES["channels-last" if channels_last else "row-major"]
    arrays = [guise(a) for a in operands(kernel, draw(g, normal, rng, dtype))]
    before = [a.copy() for a in arrays]
    kernel(*arrays, g)
    assert all(same_bits(a, b) for a, b in zip(arrays, before, strict=True))


@every_convolution
@given(g=conv_geometries(), rng=rngs, dtype=dtypes)
def test_the_same_call_gives_the_same_bits(
    kernel: Kernel, g: ConvGeometry, rng: np.random.Generator, dtype: Any
) -> None:
    assume(kernel.supports(g))
    arrays = operands(kernel, draw(g, normal, rng, dtype))
    assert same_bits(kernel(*arrays, g), kernel(*arrays, g))


@every_convolution
@pytest.mark.parametrize("empty", ["N", "C", "K", "all"])
def test_an_empty_batch_or_no_channels_give_zeros(kernel: Kernel, empty: str) -> None:
    N, C, K = (0 if empty in (name, "all") else 2 for name in "NCK")
    g = ConvGeometry.of((N, C, 5, 4), (K, C, 3, 2), 2, 1)
    arrays = operands(kernel, draw(g, normal, np.random.default_rng(0), np.float32))
    with memory.poisoned():
        result = kernel(*arrays, g)
    assert np.array_equal(result, define(kernel, arrays, g))


@each(*(k for k in CONVOLUTIONS if k.operation == "conv2d"))
def test_without_channels_conv2d_is_its_bias(kernel: Kernel) -> None:
    g, bias = ConvGeometry.of((2, 0, 5, 4), (3, 0, 3, 2)), np.array([1, 2, 3], np.float32)
    x, w = np.empty(g.x_shape, np.float32), np.empty(g.w_shape, np.float32)
    with memory.poisoned():
        result = kernel(x, w, g, bias=bias)
    assert np.array_equal(result, np.broadcast_to(bias[:, None, None], g.y_shape))


@every_convolution
def test_a_plane_of_nothing_but_padding_is_served(kernel: Kernel) -> None:
    g = ConvGeometry.of((1, 2, 0, 3), (2, 2, 2, 2), 1, 1)
    arrays = operands(kernel, draw(g, normal, np.random.default_rng(0), np.float64))
    assert np.array_equal(kernel(*arrays, g), define(kernel, arrays, g))


@every_convolution
def test_nan_reaches_what_it_is_part_of_and_nothing_else(kernel: Kernel) -> None:
    g = ConvGeometry.of((2, 2, 6, 6), (4, 1, 3, 3), 1, 0, 1, groups=2)
    arrays = operands(kernel, draw(g, integers, np.random.default_rng(0), np.float32))
    arrays[0][1, 1, 0, 0] = np.nan
    assert np.array_equal(np.isnan(kernel(*arrays, g)), np.isnan(define(kernel, arrays, g)))
