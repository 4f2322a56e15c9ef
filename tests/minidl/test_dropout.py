"""Tests of dropout's masks: reproducibility, and the number of kept elements."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import reference
from kernels.verify.arrays import GUISES, small
from minidl import Tensor
from minidl import functional as F


@given(shape=st.tuples(*[small(1, 4)] * 4), p=st.floats(0.01, 0.99), seed=small(0, 2**64 - 1),
       step=small(0, 2**40), stream=small(0, 100))  # fmt: skip
def test_a_mask_keeps_element_i_where_word_i_is_at_least_p(
    shape: tuple[int, ...], p: float, seed: int, step: int, stream: int
) -> None:
    mask = F.dropout_mask(shape, p, seed=seed, step=step, stream=stream)
    words = reference.random_bits(math.prod(shape), seed=seed, step=step, stream=stream)
    assert np.array_equal(mask.reshape(-1), words >= round(p * 2**32))


@pytest.mark.parametrize("other", [{"seed": 1}, {"step": 1}, {"stream": 1}])
def test_another_seed_step_or_stream_draws_another_mask(other: dict[str, int]) -> None:
    usual = {"seed": 0, "step": 0, "stream": 0}
    same, different = (F.dropout_mask((1000,), 0.5, **usual | change) for change in ({}, other))
    assert not np.array_equal(same, different)


@pytest.mark.parametrize("guise", sorted(set(GUISES) - {"byte-swapped"}))
def test_dropout_does_not_depend_on_the_memory_layout(guise: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    one, other = (F.dropout(Tensor(a), 0.3, seed=1, step=2).data for a in (x, GUISES[guise](x)))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_one_minus_p_of_the_elements_and_scales_them_up(p: float) -> None:
    n = 100_000
    y = F.dropout(Tensor(np.ones(n)), p, seed=3, step=4).data
    kept = int(np.count_nonzero(y))
    # Five standard deviations of the binomial distribution: one false alarm in 1.7 million seeds.
    assert abs(kept - n * (1 - p)) <= 5 * math.sqrt(n * p * (1 - p))
    assert set(np.unique(y)) == {0.0, 1 / (1 - p)}
