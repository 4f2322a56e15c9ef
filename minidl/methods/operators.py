"""Tensor's arithmetic operators and indexing, and the methods that functions of one name compute.

`x + y` is `minidl.functional.add(x, y)`; each function states the shapes that it takes, and has its
derivative beside it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from minidl.methods.base import Base, plain_index

Tensor = TypeVar("Tensor", bound=Any)
"""`minidl.tensor.Tensor`, which the type checker then knows as the type of results."""
Axis = int | tuple[int, ...] | None


class Operators(Base, Generic[Tensor]):
    """Operators, indexing, reductions and changes of shape that are on the tape."""

    __slots__ = ()

    @property
    def T(self) -> Tensor:
        return self.transpose()

    def __add__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.add(self, other)

    def __radd__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.add(other, self)

    def __sub__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.subtract(self, other)

    def __rsub__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.subtract(other, self)

    def __mul__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.multiply(self, other)

    def __rmul__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.multiply(other, self)

    def __truediv__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.divide(self, other)

    def __rtruediv__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.divide(other, self)

    def __neg__(self) -> Tensor:
        return self.functions.negate(self)

    def __pow__(self, exponent: float) -> Tensor:
        return self.functions.power(self, exponent)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.functions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self.functions.matmul(other, self)

    def __iadd__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.in_place(self, self.functions.add, "+=", other, needs_old=False)

    def __isub__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.in_place(self, self.functions.subtract, "-=", other, needs_old=False)

    def __imul__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.in_place(self, self.functions.multiply, "*=", other)

    def __itruediv__(self, other: Tensor | np.ndarray | float) -> Tensor:
        return self.functions.in_place(self, self.functions.divide, "/=", other)

    def __getitem__(self, index: Any) -> Tensor:
        return self.functions.getitem(self, plain_index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Overwrite a part in place; the tape notices (`minidl/in_place.py`)."""
        self.functions.setitem(self, plain_index(index), value)

    def sum(
        self,
        dim: Axis = None,
        keepdim: bool = False,
        *,
        axis: Axis = None,
        keepdims: bool = False,
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """The sum over `dim` (all axes by default), accumulated in float64; of integers and bools
        in int64. `axis` and `keepdims` are NumPy's names."""
        x = self if dtype is None else self._own.to(dtype)
        dim, keepdim = dim if axis is None else axis, keepdim or keepdims
        if x._array.dtype.kind != "f":
            return self._holding(x._array.sum(axis=dim, keepdims=keepdim, dtype=np.int64))
        return self.functions.sum(x, dim, keepdim)

    def mean(
        self,
        dim: Axis = None,
        keepdim: bool = False,
        *,
        axis: Axis = None,
        keepdims: bool = False,
    ) -> Tensor:
        """The mean over `dim` (all axes by default)."""
        self._require_float("mean")
        return self.functions.mean(self, dim if axis is None else axis, keepdim or keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        """The elements in row-major order as another shape; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return self.functions.reshape(self, sizes)

    def transpose(self, *axes: int) -> Tensor:
        """Two axes exchanged, as in PyTorch; or all in another order, reversed by default.

        Of a matrix `transpose(0, 1)` exchanges its axes.
        """
        if len(axes) == 2:
            order = list(range(self.ndim))
            first, second = self._axes(axes, "transpose")
            order[first], order[second] = order[second], order[first]
            return self.functions.transpose(self, tuple(order))
        return self.functions.transpose(self, axes or None)

    def relu(self) -> Tensor:
        """max(x, 0), elementwise."""
        return self.functions.relu(self)
