"""Bounds of rounding errors, derived from the computation; never from trial.

Worst case: a sum of products rounds at most n times on the way from a product to the result. Its
error is at most n eps times the sum of the absolute products (Higham, "Accuracy and Stability of
Numerical Algorithms", section 3.1; eps is twice the unit roundoff, which covers the second order).
A kernel states its n as `error_bound(g)`. The oracle rounds at most as often, in its own type.

Statistical line: roundings that are independent and of mean zero add up like a random walk. Except
with a probability of 2 n exp(-lambda^2 / 2) for each element, the error is then below
lambda sqrt(n) eps / 2 times the same sum (Higham, Mary: "A New Approach to Probabilistic Rounding
Error Analysis", SIAM J. Sci. Comput. 41, 2019, theorem 2.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract.registry import Kernel

_gradual: ContextVar[bool] = ContextVar("gradual", default=False)
LAMBDA = 8.0
"""lambda. With 8, one of 10^9 sums of 1000 terms exceeds the line with probability 3 percent."""


def eps(dtype: DTypeLike) -> float:
    return float(np.finfo(dtype).eps)


def underflow(dtype: DTypeLike) -> float:
    """The error of one underflow: the smallest normal number, of arithmetic that flushes denormal
    numbers to zero; within `gradually` the smallest of all."""
    ends = np.finfo(dtype)
    return float(ends.smallest_subnormal if _gradual.get() else ends.tiny)


@contextmanager
def gradually() -> Iterator[None]:
    """Context of bounds for arithmetic that keeps denormal numbers."""
    token = _gradual.set(True)
    try:
        yield
    finally:
        _gradual.reset(token)


def rounding(units: float, absolute: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """`units` roundings in `dtype`, relative to the sum `absolute`, and one underflow for each."""
    return units * (eps(dtype) * np.asarray(absolute, np.float64) + underflow(dtype))


def of_kernel(
    kernel: Kernel, g: Any, absolute: np.ndarray, dtype: DTypeLike, chain: int
) -> np.ndarray:
    """The kernel's bound plus that of an oracle in float64, which adds `chain` products.

    A kernel that sums the products of the definition need not state a bound: in any order they
    round at most `chain` times.
    """
    return rounding(stated(kernel, g, chain), absolute, dtype) + rounding(
        chain, absolute, np.float64
    )


def stated(kernel: Kernel, g: Any, chain: int) -> float:
    """The number of roundings that the kernel states; ValueError if one is needed and missing."""
    if kernel.error_bound is not None:
        return float(kernel.error_bound(g))
    if not kernel.exact:
        raise ValueError(
            f"{kernel.operation} {kernel.name} is not exact and states no error_bound, so its "
            "results cannot be judged; give it error_bound=lambda g: ..., in units of eps"
        )
    return float(chain)


def statistical(terms: float, absolute: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """The statistical line: `terms` independent roundings of one result stay below it."""
    return LAMBDA * np.sqrt(terms) * eps(dtype) / 2 * absolute + terms * underflow(dtype)


def within(result: np.ndarray, expected: np.ndarray, bound: np.ndarray | float) -> bool:
    """True if no error exceeds its bound; NaN and another shape count as exceeding it."""
    if result.shape != expected.shape:
        return False
    with np.errstate(invalid="ignore"):
        error = np.abs(np.asarray(result, np.float64) - np.asarray(expected, np.float64))
    return not bool((~(error <= bound)).any())


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal in shape, type and every bit, NaN and the sign of zero included."""
    return (a.shape, a.dtype) == (b.shape, b.dtype) and a.tobytes() == b.tobytes()
