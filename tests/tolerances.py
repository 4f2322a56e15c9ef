"""How far a result may be off, from how it was computed; never from trial.

A sum of products rounds at most n times on the way from a product to the result, so it is off by
at most n eps times the sum of the absolute products (Higham, "Accuracy and Stability of Numerical
Algorithms", section 3.1; eps is twice the unit roundoff, which covers the second order). A kernel
states its n as `error_bound(g)`. The reference rounds in float64 just as often at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from kernels import Kernel


def eps(dtype: DTypeLike) -> float:
    return float(np.finfo(dtype).eps)


def rounding(units: float, absolute: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """`units` roundings in `dtype` of what sums to `absolute`, and one underflow for each."""
    return units * (eps(dtype) * np.asarray(absolute, np.float64) + float(np.finfo(dtype).tiny))


def of_kernel(
    kernel: Kernel, g: Any, absolute: np.ndarray, dtype: DTypeLike, chain: int
) -> np.ndarray:
    """The kernel's own bound, and the float64 reference's, which adds `chain` products in turn."""
    assert kernel.error_bound is not None, f"{kernel.operation} {kernel.name} states no error bound"
    own = rounding(kernel.error_bound(g), absolute, dtype)
    return own + rounding(chain, absolute, np.float64)


def within(result: np.ndarray, expected: np.ndarray, bound: np.ndarray | float) -> bool:
    """No element is off by more than its bound; one that is NaN, or of another shape, is."""
    if result.shape != expected.shape:
        return False
    with np.errstate(invalid="ignore"):
        error = np.abs(np.asarray(result, np.float64) - np.asarray(expected, np.float64))
    return not bool((~(error <= bound)).any())


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal in shape, type and every bit, NaN and the sign of zero included."""
    return (a.shape, a.dtype) == (b.shape, b.dtype) and a.tobytes() == b.tobytes()
