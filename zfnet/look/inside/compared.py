"""Comparison of a sum with the value that the engine has computed, and the derived bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels import bounds
from kernels.contract.registry import Kernel


@dataclass(frozen=True)
class Compared:
    """What the engine has computed beside what the definition gives.

    value:    the engine's, of its own type.    expected: the definition's, in float64.
    kernel:   the operation and the kernel that computed `value`.
    bound:    of the difference, from what the kernel declares (`kernels.bounds`); None where the
              operation is not a kernel's, or where its result has no first-order bound.
    """

    value: float
    expected: float
    kernel: str
    bound: float | None

    @property
    def difference(self) -> float:
        return self.value - self.expected

    @property
    def within(self) -> bool | None:
        """Whether the difference is within the bound, which NaN is not; None without a bound."""
        return None if self.bound is None else bool(abs(self.difference) <= self.bound)

    def times(self, factor: float, dtype: Any) -> Compared:
        """Of results that the engine has multiplied by `factor`, which rounds once more."""
        expected = self.expected * factor
        bound = None if self.bound is None else self.bound * abs(factor)
        rounded = float(bounds.rounding(1, np.array(abs(expected)), dtype))
        return replace(self, expected=expected, bound=None if bound is None else bound + rounded)


def compared(
    value: float, expected: float, kernel: Kernel, g: Any, absolute: float, dtype: Any, chain: int
) -> Compared:
    """With the bound of a kernel whose errors are relative to the sum `absolute`.

    absolute: of the absolute products, or what a norm-wise bound has in its place.
    chain:    products that the definition adds.
    """
    bound = float(bounds.of_kernel(kernel, g, np.array(absolute), dtype, chain))
    return Compared(float(value), expected, f"{kernel.operation} {kernel.name}", bound)
