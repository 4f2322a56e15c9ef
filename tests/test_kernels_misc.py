"""The small kernels: matmul, relu, random bits; and the comparisons that all tests rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Kernel, all_kernels, memory, reference
from kernels.verify.arrays import GUISES, dtypes, integers, normal, pairs, rngs, small
from kernels.verify.bounds import of_kernel, rounding, same_bits, within

MATMULS, RELUS, RELU_VJPS, RANDOMS = (
    each(*(k for k in all_kernels(name) if k.device == "cpu"))
    for name in ("matmul", "relu", "relu_vjp", "random_bits")
)
shapes = st.lists(small(0, 5), max_size=5).map(tuple)


@MATMULS
@given(shape=st.tuples(small(0, 7), small(0, 7), small(0, 7)), rng=rngs, dtype=dtypes,
       biased=st.booleans())  # fmt: skip
def test_matmul_errs_within_its_bound(
    kernel: Kernel, shape: tuple[int, int, int], rng: Any, dtype: Any, biased: bool
) -> None:
    M, N, K = shape
    a, b = normal((M, K), rng, dtype), normal((K, N), rng, dtype)
    options = {"bias": normal((N,), rng, dtype)} if biased else {}
    with memory.poisoned():
        out = kernel(a, b, shape, **options)
    magnitudes = {name: np.abs(value) for name, value in options.items()}
    absolute = reference.matmul(np.abs(a), np.abs(b), shape, **magnitudes)
    bound = of_kernel(kernel, shape, absolute, dtype, K + 1)
    assert out.dtype == dtype
    assert within(out, reference.matmul(a, b, shape, **options), bound)


@pytest.mark.parametrize("guise", GUISES)
@MATMULS
@given(shape=st.tuples(small(1, 7), small(1, 7), small(1, 7)), rng=rngs, dtype=dtypes)
def test_matmul_takes_matrices_of_any_memory(
    kernel: Kernel, guise: str, shape: tuple[int, int, int], rng: Any, dtype: Any
) -> None:
    M, N, K = shape
    a, b = integers((M, K), rng, dtype), integers((K, N), rng, dtype)
    assert np.array_equal(kernel(GUISES[guise](a), GUISES[guise](b), shape), a @ b)


@MATMULS
@given(sizes=pairs(1, 40), rng=rngs)
def test_matmul_of_many_columns_or_rows_leaves_none_out(
    kernel: Kernel, sizes: tuple[int, int], rng: Any
) -> None:
    (M, N), K = sizes, 3
    a, b = integers((M, K), rng, np.float32), integers((K, N), rng, np.float32)
    with memory.poisoned():
        assert np.array_equal(kernel(a, b, (M, N, K)), a @ b)


@RELUS
@given(shape=shapes, rng=rngs, dtype=dtypes)
def test_relu_is_its_definition(kernel: Kernel, shape: Any, rng: Any, dtype: Any) -> None:
    x = integers(shape, rng, dtype)
    with memory.poisoned():
        y = kernel(x)
    assert y.dtype == dtype
    assert np.array_equal(y, reference.relu(x))


@RELUS
def test_relu_keeps_nan(kernel: Kernel) -> None:
    y = kernel(np.array([np.nan, -np.inf, np.inf, -1, -0.0], np.float32))
    assert np.array_equal(y, [np.nan, 0, np.inf, 0, 0], equal_nan=True)


@RELU_VJPS
@given(shape=shapes, rng=rngs, dtype=dtypes, guises=st.tuples(*[st.sampled_from(list(GUISES))] * 2))
def test_relu_vjp_is_its_definition_for_two_arrays_of_unlike_memory(
    kernel: Kernel, shape: Any, rng: Any, dtype: Any, guises: Any
) -> None:
    gy, x = normal(shape, rng, dtype), integers(shape, rng, dtype)
    with memory.poisoned():
        gx = kernel(GUISES[guises[0]](gy), GUISES[guises[1]](x))
    assert gx.dtype == dtype
    assert np.array_equal(gx, reference.relu_vjp(gy, x))


# Random123's known answers (kat_vectors): counter, key -> words.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_the_definition_of_philox_gives_the_known_answers(
    counter: str, key: str, words: str
) -> None:
    a, b, c, d = (int(word, 16) for word in counter.split())
    low, high = (int(word, 16) for word in key.split())
    block = reference.philox_block((a, b, c, d), high << 32 | low)
    assert [f"{word:08x}" for word in block] == words.split()


@RANDOMS
@given(count=small(0, 40), seed=small(0, 2**64 - 1), step=small(0, 2**64 - 1),
       stream=small(0, 2**32 - 1))  # fmt: skip
def test_random_bits_are_their_definition(
    kernel: Kernel, count: int, seed: int, step: int, stream: int
) -> None:
    with memory.poisoned():
        words = kernel(count, seed=seed, step=step, stream=stream)
    assert words.dtype == np.uint32
    assert np.array_equal(words, reference.random_bits(count, seed=seed, step=step, stream=stream))


@RANDOMS
def test_random_bits_begin_alike_whatever_their_count(kernel: Kernel) -> None:
    few, many = (kernel(count, seed=1, step=2, stream=3) for count in (5, 1001))
    assert np.array_equal(many[:5], few)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.1])
def test_a_comparison_rejects_nan_infinity_and_what_is_off_by_more_than_the_bound(
    bad: float,
) -> None:
    assert within(np.array([1.05]), np.array([1.0]), 0.1)
    assert not within(np.array([bad]), np.array([1.0]), 0.05)
    assert not within(np.array([1.0]), np.array([1.0]), float("nan"))
    assert not within(np.ones((1, 2)), np.ones((2, 1)), 1.0)


def test_a_roundings_bound_is_in_units_of_eps() -> None:
    assert rounding(3, np.array(2.0), np.float32) == 3 * (2 * 2.0**-23 + 2.0**-126)


def test_bits_differ_where_values_do_not() -> None:
    assert not same_bits(np.array([0.0]), np.array([-0.0]))
    assert same_bits(np.array([np.nan]), np.array([np.nan]))
