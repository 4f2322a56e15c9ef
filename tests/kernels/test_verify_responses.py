"""Kernels of response normalisation that the property of large values admits, and that it flags."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kernels import Kernel, named
from kernels.contract.norm_geometry import LRNGeometry
from kernels.cuda import emulator
from kernels.verify import PROPERTIES, try_property


def normalising(finish: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> Kernel:
    """A kernel in x's type throughout; `finish` is given x, t and beta."""

    def forward(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
        squares = np.pad(x * x, [(0, 0), (g.before, g.size - 1 - g.before), (0, 0), (0, 0)])
        total = np.zeros_like(x)
        for i in range(g.size):
            total += squares[:, i : i + g.C]
        t = x.dtype.type(g.k) + x.dtype.type(g.alpha / g.size) * total
        with np.errstate(over="ignore", invalid="ignore"):
            return finish(x, t, g.beta).astype(x.dtype)

    return Kernel("local_response_norm", "tried", "cpu", forward)


def holds(kernel: Kernel) -> bool:
    return try_property(kernel, PROPERTIES["large responses"], 80, shrink=False).holds


@pytest.mark.parametrize(
    "finish",
    [
        lambda x, t, beta: x / t ** x.dtype.type(beta),
        lambda x, t, beta: x * t ** x.dtype.type(-beta),
        lambda x, t, beta: x * np.exp(x.dtype.type(-beta) * np.log(t.astype(np.float64))),
    ],
)
def test_a_power_that_is_finite_in_the_type_is_right(
    finish: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
) -> None:
    assert holds(normalising(finish))


@pytest.mark.parametrize(
    "finish",
    [
        lambda x, t, beta: x * t / t ** x.dtype.type(beta + 1),
        lambda x, t, beta: x / np.sqrt(t * t) ** x.dtype.type(beta),
        lambda x, t, beta: x / t.astype(np.float16).astype(x.dtype) ** x.dtype.type(beta),
    ],
)
def test_a_product_that_overflows_before_the_quotient_is_found(
    finish: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
) -> None:
    assert not holds(normalising(finish))


@pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")
@pytest.mark.parametrize("name", ["naive", "sliding"])
def test_the_cuda_kernels_hold(name: str) -> None:
    kernel = named("local_response_norm", name, "cuda")
    assert try_property(kernel, PROPERTIES["large responses"], 80).holds
