"""Sizes that depend on the number of images: a + b N, exact, for shapes that a file computes.

Exporters compute the target of a Reshape from the shape of an activation: Shape, Gather, Concat.
All sizes of an image are known, only the batch N is not. Such values are arrays of Python objects
with integers and `Size`s, so that NumPy's own functions move them and compute with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

Number = int | Fraction


@dataclass(frozen=True, eq=False)
class Size:
    """fixed + each * N, for every number N >= 1 of images; `each` is not 0."""

    fixed: Number
    each: Number
    symbol: ClassVar[str] = "N"

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Size) and type(other) is not type(self):
            raise ValueError(f"it adds {self} and {other}")
        return self._made(self.fixed + _fixed(other), self.each + _each(other))

    __radd__ = __add__

    def __neg__(self) -> Size:
        return type(self)(-self.fixed, -self.each)

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Size):
            raise ValueError("it multiplies the number of images by itself")
        return self._made(self.fixed * _fixed(other), self.each * _fixed(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        """The exact quotient, also by another size in proportion: 64 N / N is 64."""
        if isinstance(other, Size):
            ratio = Fraction(self.each) / Fraction(other.each)
            if self.fixed != ratio * other.fixed:
                raise ValueError(f"{self} over {other} is not the same for every number of images")
            return _whole(ratio)
        divisor = _fixed(other)
        if divisor == 0:
            raise ValueError("it divides by zero")
        return self._made(Fraction(self.fixed) / divisor, Fraction(self.each) / divisor)

    def __rtruediv__(self, other: Any) -> Any:
        raise ValueError(f"{other} over {self} is not the same for every number of images")

    def __floordiv__(self, other: Any) -> Any:
        quotient = self / other
        exact = quotient if isinstance(quotient, Size) else Size(quotient, 0)
        if Fraction(exact.fixed).denominator != 1 or Fraction(exact.each).denominator != 1:
            raise ValueError(f"{self} is no multiple of {other} for every number of images")
        return quotient

    __rfloordiv__ = __rtruediv__

    def __mod__(self, other: Any) -> Any:
        _ = self // other
        return 0

    def __eq__(self, other: object) -> Any:
        return _sign(self - other) == 0

    def __ne__(self, other: object) -> Any:
        return _sign(self - other) != 0

    def __lt__(self, other: Any) -> bool:
        return _sign(self - other) < 0

    def __le__(self, other: Any) -> bool:
        return _sign(self - other) <= 0

    def __gt__(self, other: Any) -> bool:
        return _sign(self - other) > 0

    def __ge__(self, other: Any) -> bool:
        return _sign(self - other) >= 0

    def __hash__(self) -> int:
        return hash((self.fixed, self.each))

    def _made(self, fixed: Number, each: Number) -> Any:
        return _whole(fixed) if each == 0 else type(self)(_whole(fixed), _whole(each))

    def __str__(self) -> str:
        images = self.symbol if self.each == 1 else f"{self.each} {self.symbol}"
        return images if self.fixed == 0 else f"{self.fixed} + {images}"

    __repr__ = __str__


class Place(Size):
    """fixed + each * n for image number n = 0 to N - 1: one for all images, as an axis of 1."""

    symbol: ClassVar[str] = "n"


def places(count: Size) -> np.ndarray:
    """0 to b N - 1 as (b,): the places of each image."""
    return np.array([Place(k, count.each) for k in range(multiple(count) or 0)], object)


def multiple(value: Any) -> int | None:
    """b of a value b N; None for one without the batch. ValueError for a + b N."""
    if not isinstance(value, Size):
        return None
    if value.fixed != 0 or Fraction(value.each).denominator != 1 or value.each < 1:
        raise ValueError(f"a size {value} is no multiple of the number of images")
    return int(value.each)


def plain(array: np.ndarray) -> np.ndarray:
    """An array of objects as integers or floats where no value depends on the batch."""
    if array.dtype != object or any(isinstance(each, Size) for each in array.flat):
        return array
    whole = all(Fraction(each).denominator == 1 for each in array.flat)
    return array.astype(np.int64 if whole else np.float64)


def depends(array: np.ndarray) -> bool:
    """True for values that depend on the number of images."""
    return array.dtype == object


def _whole(number: Number) -> Number:
    return int(number) if Fraction(number).denominator == 1 else number


def _fixed(value: Any) -> Number:
    if isinstance(value, Size):
        return value.fixed
    return value if isinstance(value, Fraction) else _whole(Fraction(float(value)))


def _each(value: Any) -> Number:
    return value.each if isinstance(value, Size) else 0


def _sign(difference: Any) -> int:
    """-1, 0 or 1, if it is the same for every N >= 1; else ValueError."""
    fixed, each = _fixed(difference), _each(difference)
    at_one, slope = (int(v > 0) - int(v < 0) for v in (fixed + each, each))
    if slope in (0, at_one):
        return at_one
    raise ValueError(f"it compares sizes whose difference, {difference}, depends on the batch")
