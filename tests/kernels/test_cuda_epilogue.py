"""Bias and ReLU in one pass, compared with NumPy's two passes, value by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.contract import memory
from kernels.cuda import emulator, epilogue, host, place
from kernels.cuda.grids import few_blocks
from tests.kernels.cuda_cases import dtypes

SHAPES = [(7, 8), (5, 3), (1, 1), (3, 1028), (2, 4, 3, 2), (2, 6, 2, 3), (2, 3, 4, 1)]


def drawn(shape: tuple[int, ...], dtype: type) -> tuple[Any, np.ndarray]:
    """y in channels-last memory with all that a float can be, and a bias."""
    rng = np.random.default_rng(1)
    y = rng.standard_normal(shape).astype(dtype)
    y.reshape(-1)[:3] = np.array([np.nan, np.inf, -np.inf])[: y.size]
    bias = rng.standard_normal(shape[1]).astype(dtype)
    return (memory.nchw(memory.nhwc(y).copy()) if y.ndim == 4 else y), bias


def by_numpy(y: np.ndarray, bias: np.ndarray | None, rectify: bool) -> np.ndarray:
    if bias is not None:
        y = y + (bias[:, None, None] if y.ndim == 4 else bias)
    return np.where(y <= 0, 0, y).astype(y.dtype) if rectify else y


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal in type and values; processors differ in the bits of NaN."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@dtypes
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_epilogue_is_a_sum_and_a_maximum(
    shape: tuple[int, ...], dtype: type, biased: bool, rectify: bool, cuda_device: str
) -> None:
    y, bias = drawn(shape, dtype)
    given = bias if biased else None
    result = place(y, cuda_device)
    again = epilogue.apply(result, None if given is None else place(given, cuda_device), rectify)
    assert again is result
    assert same(host(result), by_numpy(y, given, rectify))


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("K", [1, 3, 4, 12, 300, 1028])
def test_each_thread_of_the_epilogue_keeps_its_place_in_the_bias(
    K: int, blocks: int, cuda_device: str
) -> None:
    y, bias = drawn((4000 // K, K), np.float32)
    with few_blocks(blocks), emulator.schedule(K):
        result = epilogue.apply(place(y, cuda_device), place(bias, cuda_device), rectify=True)
    assert same(host(result), by_numpy(y, bias, True))


def test_the_epilogue_takes_memory_that_begins_where_no_16_bytes_may(cuda_device: str) -> None:
    y, bias = drawn((3, 8), np.float32)
    holder = place(np.zeros(25, np.float32), cuda_device)
    holder[1:] = place(y, cuda_device).reshape(-1)  # (M,K) -> (MK,)
    result = epilogue.apply(holder[1:].reshape(3, 8), place(bias, cuda_device))  # (MK,) -> (M,K)
    assert same(host(result), by_numpy(y, bias, False))


def test_the_epilogue_refuses_a_bias_that_does_not_fit(cuda_device: str) -> None:
    y = place(np.zeros((2, 4), np.float32), cuda_device)
    with pytest.raises(ValueError, match=r"y \(2, 4\), \(4,\); got \(2,\)"):
        epilogue.apply(y, place(np.zeros(2, np.float32), cuda_device))
