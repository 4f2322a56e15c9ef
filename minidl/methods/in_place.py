"""Tensor's methods that change it in place; their names end in "_"."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minidl.methods.base import Base, Tensor
from minidl.randomness import given_or_default


class InPlace(Base):
    """Changes of the tensor itself (`minidl/in_place.py`)."""

    __slots__ = ()

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x <- x + alpha other."""
        return self._change("add_", lambda x, o: x.add(o, alpha=alpha), other, needs_old=False)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x <- x - alpha other."""
        return self._change("sub_", lambda x, o: x.sub(o, alpha=alpha), other, needs_old=False)

    def mul_(self, other: Any) -> Tensor:
        """x <- x other."""
        return self._change("mul_", lambda x, o: x * o, other)

    def div_(self, other: Any) -> Tensor:
        """x <- x / other."""
        return self._change("div_", lambda x, o: x / o, other)

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """x <- x within [min, max]."""
        return self._change("clamp_", lambda x: x.clamp(min, max))

    def relu_(self) -> Tensor:
        """x <- max(x, 0)."""
        return self._change("relu_", lambda x: x.relu())

    def fill_(self, value: Any) -> Self:
        """Every value <- `value`."""
        self._own[...] = value
        return self

    def zero_(self) -> Self:
        """Every value <- 0."""
        return self.fill_(0)

    def copy_(self, other: Any) -> Self:
        """The values of `other`, which broadcasts, in this tensor's type."""
        self._own[...] = other
        return self

    def pow_(self, exponent: Any) -> Tensor:
        """x <- x to a power."""
        return self._change("pow_", lambda x, e: x.pow(e), exponent)

    def sqrt_(self) -> Tensor:
        """x <- sqrt(x)."""
        return self._change("sqrt_", lambda x: x.sqrt())

    def exp_(self) -> Tensor:
        """x <- e^x."""
        return self._change("exp_", lambda x: x.exp())

    def neg_(self) -> Tensor:
        """x <- -x."""
        return self._change("neg_", lambda x: x.neg())

    def masked_fill_(self, mask: Any, value: Any) -> Tensor:
        """x <- `value` where the mask is true."""
        return self._change("masked_fill_", lambda x: x.masked_fill(mask, value))

    def scatter_(self, dim: Any, index: Any, src: Any) -> Tensor:
        """x <- scatter(x): src[i][j] at [i][index[i][j]] for dim 1."""
        return self._change("scatter_", lambda x: x.scatter(dim, index, src))

    def scatter_add_(self, dim: Any, index: Any, src: Any) -> Tensor:
        """x <- scatter_add(x)."""
        return self._change("scatter_add_", lambda x, s: x.scatter_add(dim, index, s), src)

    def lerp_(self, end: Any, weight: Any) -> Tensor:
        """x <- x + weight (end - x)."""
        return self._change("lerp_", lambda x, e: x + (e - x) * weight, end)

    def addcmul_(self, a: Any, b: Any, *, value: Any = 1) -> Tensor:
        """x <- x + value a b."""
        return self._change("addcmul_", lambda x, a, b: x + a * b * value, a, b)

    def addcdiv_(self, a: Any, b: Any, *, value: Any = 1) -> Tensor:
        """x <- x + value a / b."""
        return self._change("addcdiv_", lambda x, a, b: x + a / b * value, a, b)

    def normal_(self, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Self:
        """Every value <- one of a normal distribution."""
        return self._drawn(given_or_default(generator).normal(mean, std, self.shape))

    def uniform_(self, low: Any = 0.0, high: Any = 1.0, *, generator: Any = None) -> Self:
        """Every value <- one from `low` to `high`."""
        return self._drawn(given_or_default(generator).uniform(low, high, self.shape))

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Self:
        """Every value <- 1 with probability p, else 0."""
        return self._drawn(given_or_default(generator).random(self.shape) < p)

    def _drawn(self, values: Any) -> Self:
        return self.copy_(np.asarray(values).astype(self.dtype))

    def _change(self, what: str, function: Any, *others: Any, needs_old: Any = True) -> Tensor:
        return self.functions.in_place(self._own, function, what, *others, needs_old=needs_old)
