"""Kernels that compute in a narrower type than their operands': caught, and the type is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry
from tests.kernels.trials import conv, right, tried


def rounded(bits: int) -> Callable[[np.ndarray], np.ndarray]:
    """Values of float32 without their last `bits` bits, the rest rounded to nearest."""

    def change(a: np.ndarray) -> np.ndarray:
        if a.dtype != np.float32:
            return a
        whole = np.ascontiguousarray(a).view(np.uint32) + np.uint32(1 << (bits - 1))
        return (whole >> np.uint32(bits) << np.uint32(bits)).view(np.float32)

    return change


@pytest.mark.parametrize(
    ("bits", "name"), [(13, "operands rounded to TensorFloat-32"), (16, "rounded to bfloat16")]
)
def test_operands_of_fewer_bits_are_named(bits: int, name: str) -> None:
    change = rounded(bits)

    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        return right(change(x), change(w), g, bias=bias)

    outcome = tried(conv(forward), "statistical line")
    assert outcome.failure is not None
    assert name in outcome.failure.reason


def test_float64_that_is_computed_in_float32_is_named() -> None:
    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        if w[0].size <= 64:
            return right(x, w, g, bias=bias)
        return right(x.astype(np.float32), w.astype(np.float32), g, bias=bias).astype(x.dtype)

    outcome = tried(conv(forward), "thresholds")
    assert outcome.failure is not None
    assert outcome.failure.call.dtype == np.float64
