"""Comparisons that every property uses, and the definition of random bits."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import reference
from kernels.bounds import rounding, same_bits, within

pytestmark = pytest.mark.quick

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
