"""Checksum of an array: every change of its bits, wherever and of whatever kind, is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.contract import checksum as module
from kernels.contract.checksum import checksum, device_sum
from kernels.cuda import emulated

pytestmark = pytest.mark.quick

SIZES = (1, 7, 1024, 1025, 4099, 30_001)


def values(size: int, seed: int = 0, dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(size).astype(dtype)


@given(
    size=st.sampled_from(SIZES),
    at=st.integers(0, 1 << 20),
    bit=st.integers(0, 31),
    seed=st.integers(0, 9),
)
def test_one_flipped_bit_is_seen(size: int, at: int, bit: int, seed: int) -> None:
    a = values(size, seed)
    before = checksum(a)
    assert checksum(a.copy()) == before
    a.view(np.uint32)[at % size] ^= np.uint32(1) << np.uint32(bit)
    assert checksum(a) != before


@given(size=st.sampled_from(SIZES[1:]), i=st.integers(0, 1 << 20), j=st.integers(0, 1 << 20))
def test_two_exchanged_values_are_seen(size: int, i: int, j: int) -> None:
    a = values(size)
    before, i, j = checksum(a), i % size, j % size
    a[[i, j]] = a[[j, i]]
    assert (checksum(a) != before) == (i != j)


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a[::-1],
        lambda a: -a,
        lambda a: 2 * a,
        lambda a: np.roll(a, 1),
        lambda a: np.roll(a, 2),
        lambda a: np.sort(a),
        lambda a: np.where(np.arange(len(a)) % 2, a, -a),
        lambda a: np.zeros_like(a),
        lambda a: np.full_like(a, np.nan),
    ],
)
def test_changes_of_many_values_are_seen(size: int, change: Any) -> None:
    a = values(size)
    assert checksum(np.ascontiguousarray(change(a))) != checksum(a)


def test_signs_along_the_thue_morse_sequence_are_seen() -> None:
    """It has the same polynomial hash modulo 2^64 as its negative, for every multiplier."""
    n = 1 << 13
    signs = np.array([(-1.0) ** i.bit_count() for i in range(n)], np.float64)
    assert checksum(signs) != checksum(-signs)


@pytest.mark.parametrize("size", (3, 5000))
def test_zeros_of_both_signs_differ(size: int) -> None:
    a = np.zeros(size, np.float32)
    assert checksum(a) != checksum(-a)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3), (40, 41, 7), (8, 16, 3, 3)])
def test_the_layout_of_memory_does_not_matter_to_the_arrays_of_one_layout(
    dtype: Any, shape: tuple[int, ...]
) -> None:
    a = values(int(np.prod(shape)), dtype=dtype).reshape(shape)  # (size,) -> shape
    turned = np.asfortranarray(a)
    assert checksum(turned) == checksum(turned.copy(order="K"))
    assert checksum(emulated(a)) == checksum(a)
    gaps = np.zeros((*shape, 2), dtype)[..., 0]
    gaps[...] = a
    assert checksum(gaps) == checksum(a)


def test_memory_that_is_not_aligned_to_words_has_the_same_checksum() -> None:
    shifted = np.zeros(5001, np.float32)[1:]
    shifted[:] = values(5000)
    assert checksum(shifted) == checksum(values(5000))


def test_a_read_only_array_has_the_same_checksum() -> None:
    a = values(5000)
    before = checksum(a)
    a.flags.writeable = False
    assert checksum(a) == before


@pytest.mark.parametrize("size", SIZES)
def test_the_sum_on_a_device_sees_changes_and_does_not_depend_on_its_parts(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = values(size).view(np.uint32)
    whole = device_sum(np, words)
    monkeypatch.setattr(module, "AT_A_TIME", 100)
    assert device_sum(np, words) == whole
    words[size // 2] ^= np.uint32(1)
    assert device_sum(np, words) != whole
