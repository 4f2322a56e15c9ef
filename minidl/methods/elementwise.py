"""Tensor's elementwise methods: functions, arithmetic, comparisons."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.methods.base import Base, Tensor, values_of


class Elementwise(Base):
    """Elementwise functions, arithmetic and comparisons."""

    __slots__ = ()

    def abs(self) -> Tensor:
        """|x|."""
        return self.functions.library.absolute(self._own)

    def __abs__(self) -> Tensor:
        return self.abs()

    def exp(self) -> Tensor:
        """e^x."""
        return self.functions.library.exp(self._own)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self.functions.library.log(self._own)

    def sqrt(self) -> Tensor:
        """The square root."""
        return self.functions.library.sqrt(self._own)

    def square(self) -> Tensor:
        """x x."""
        return self * self

    def pow(self, exponent: Any) -> Tensor:
        """x to a power."""
        return self.functions.power(self._own, exponent)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e^-x)."""
        return self.functions.library.sigmoid(self._own)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return self.functions.library.tanh(self._own)

    def softmax(self, dim: int) -> Tensor:
        """e^x over its sum along `dim`."""
        return self.functions.library.softmax(self._own, dim)

    def log_softmax(self, dim: int) -> Tensor:
        """x - log(sum of e^x along `dim`)."""
        return self.functions.library.log_softmax(self._own, dim)

    def clamp(self, min: float | None = None, max: float | None = None) -> Tensor:
        """x within [min, max]; a bound that is None is none."""
        low, high = -math.inf if min is None else min, math.inf if max is None else max
        if self.dtype.kind != "f":
            return self._holding(np.clip(self._array, min, max))
        return self.functions.library.clip(self._own, low, high)

    clip = clamp

    def masked_fill(self, mask: Tensor, value: float) -> Tensor:
        """`value` where the mask is true, x elsewhere."""
        return self.functions.library.where(mask, value, self._own)

    def add(self, other: Any, *, alpha: float = 1) -> Tensor:
        """x + alpha other."""
        return self.functions.add(self._own, other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: float = 1) -> Tensor:
        """x - alpha other."""
        return self.functions.subtract(self._own, other if alpha == 1 else other * alpha)

    def mul(self, other: Any) -> Tensor:
        """x other."""
        return self * other

    def div(self, other: Any) -> Tensor:
        """x / other."""
        return self.functions.divide(self._own, other)

    def neg(self) -> Tensor:
        """-x."""
        return self.functions.negate(self._own)

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product."""
        return self.functions.matmul(self._own, other)

    mm = bmm = matmul

    def eq(self, other: Any) -> Tensor:
        """x == other, elementwise, a Tensor of bool."""
        return self._own == other

    def ne(self, other: Any) -> Tensor:
        """x != other."""
        return self._own != other

    def lt(self, other: Any) -> Tensor:
        """x < other."""
        return self._own < other

    def le(self, other: Any) -> Tensor:
        """x <= other."""
        return self._own <= other

    def gt(self, other: Any) -> Tensor:
        """x > other."""
        return self._own > other

    def ge(self, other: Any) -> Tensor:
        """x >= other."""
        return self._own >= other

    def isnan(self) -> Tensor:
        """Where a value is no number."""
        return self._holding(np.isnan(self._array))

    def isfinite(self) -> Tensor:
        """Where a value is neither infinite nor NaN."""
        return self._holding(np.isfinite(self._array))

    def __invert__(self) -> Tensor:
        return self._holding(~self._array)

    def __and__(self, other: Any) -> Tensor:
        return self._holding(self._array & values_of(other))

    def __or__(self, other: Any) -> Tensor:
        return self._holding(self._array | values_of(other))

    def __xor__(self, other: Any) -> Tensor:
        return self._holding(self._array ^ values_of(other))

    def sin(self) -> Tensor:
        """The sine, in radians."""
        return self.functions.library.sin(self._own)

    def cos(self) -> Tensor:
        """The cosine, in radians."""
        return self.functions.library.cos(self._own)

    def erf(self) -> Tensor:
        """The error function."""
        return self.functions.library.erf(self._own)

    def reciprocal(self) -> Tensor:
        """1 / x."""
        return self.functions.library.reciprocal(self._own)

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""
        return self.functions.library.rsqrt(self._own)

    def log2(self) -> Tensor:
        """The logarithm to the base 2."""
        return self.functions.library.log2(self._own)

    def log10(self) -> Tensor:
        """The logarithm to the base 10."""
        return self.functions.library.log10(self._own)

    def log1p(self) -> Tensor:
        """log(1 + x)."""
        return self.functions.library.log1p(self._own)

    def expm1(self) -> Tensor:
        """e^x - 1."""
        return self.functions.library.expm1(self._own)

    def floor(self) -> Tensor:
        """The largest integer that is at most x."""
        return self._rounded(self.functions.library.floor)

    def ceil(self) -> Tensor:
        """The smallest integer that is at least x."""
        return self._rounded(self.functions.library.ceil)

    def sign(self) -> Tensor:
        """-1, 0 or 1."""
        return self._rounded(self.functions.library.sign)

    def round(self, decimals: int = 0) -> Tensor:
        """The nearest integer, of two the even one; or to so many decimals."""
        if decimals:
            return (self * 10.0**decimals).round() / 10.0**decimals
        return self._rounded(self.functions.library.round)

    def _rounded(self, function: Any) -> Tensor:
        """The function of floats; of integers in their own type."""
        found = function(self._own)
        return found if found.dtype == self.dtype else found.to(self.dtype)

    def isinf(self) -> Tensor:
        """Where a value is infinite."""
        return self._holding(np.isinf(self._array))

    def nan_to_num(self, nan: float = 0.0, posinf: float | None = None,
                   neginf: float | None = None) -> Tensor:  # fmt: skip
        """NaN and the infinities replaced, those by the largest numbers of the type by default."""
        limits = np.finfo(self.dtype) if self.dtype.kind == "f" else None
        if limits is None:
            return self._own
        where, x = self.functions.library.where, self._own
        values = (nan, limits.max if posinf is None else posinf,
                  limits.min if neginf is None else neginf)  # fmt: skip
        masks = np.isnan(x._array), np.isposinf(x._array), np.isneginf(x._array)
        for mask, value in zip(masks, values, strict=True):
            x = where(mask, float(value), x)
        return x

    def remainder(self, other: Any) -> Tensor:
        """x - other floor(x / other), of other's sign."""
        return self.functions.library.remainder(self._own, other)

    def __mod__(self, other: Any) -> Tensor:
        return self.remainder(other)

    def __rmod__(self, other: Any) -> Tensor:
        return self.functions.library.remainder(other, self._own)

    def floor_divide(self, other: Any) -> Tensor:
        """floor(x / other), off the tape."""
        return self._holding(np.floor_divide(self._array, values_of(other)))

    __floordiv__ = floor_divide

    def __rpow__(self, base: Any) -> Tensor:
        return self.functions.power(base, self._own)

    def __rand__(self, other: Any) -> Tensor:
        return self & other

    def __ror__(self, other: Any) -> Tensor:
        return self | other

    def logical_not(self) -> Tensor:
        """True where a value is 0."""
        return self._holding(np.logical_not(self._array))

    def logical_and(self, other: Any) -> Tensor:
        """True where both are not 0."""
        return self._holding(np.logical_and(self._array, values_of(other)))

    def logical_or(self, other: Any) -> Tensor:
        """True where one is not 0."""
        return self._holding(np.logical_or(self._array, values_of(other)))

    def maximum(self, other: Any) -> Tensor:
        """The larger of the two, elementwise."""
        return self.functions.library.maximum(self._own, other)

    def minimum(self, other: Any) -> Tensor:
        """The smaller of the two, elementwise."""
        return self.functions.library.minimum(self._own, other)

    def where(self, condition: Any, other: Any) -> Tensor:
        """x where the condition is true, `other` elsewhere."""
        return self.functions.library.where(condition, self._own, other)
