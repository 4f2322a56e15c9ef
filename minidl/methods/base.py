"""Base of Tensor's methods: what Tensor defines, and checks of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from minidl import device as devices
from minidl.stored import Stored

Tensor: TypeAlias = Any  # minidl.tensor imports this package
Functions: TypeAlias = Any
Dims = int | Sequence[int] | None


class Extremes(NamedTuple):
    """The result of `max(dim)`, `sort` and others: values, and their places along the axis."""

    values: Tensor
    indices: Tensor


class Base(Stored):
    """What every group of methods uses."""

    __slots__ = ()

    if TYPE_CHECKING:  # what Tensor and the other groups define
        functions: ClassVar[Functions]
        requires_grad: bool
        node: Any
        reshape: Any
        transpose: Any
        sum: Any
        mean: Any
        abs: Any
        flatten: Any
        __getitem__: Any
        __mul__: Any
        __sub__: Any
        __truediv__: Any
        __neg__: Any

    def _holding(self, values: Any) -> Tensor:
        """The values, of any type, off the tape."""
        array = values if devices.is_array(values) else np.asarray(values)
        return self.functions.plain(array)

    @property
    def _own(self) -> Any:
        """This tensor, which the type checker knows as Tensor's base alone."""
        return self

    def _require_float(self, what: str) -> None:
        if self.dtype.kind != "f":
            raise TypeError(
                f"{what}: is of floating-point values, and the Tensor of shape {self.shape} is of "
                f"{self.dtype}; .float() converts it"
            )

    def _axis(self, dim: Any, what: str) -> Any:
        return self._axes(dim, what)[0]

    def _axes(self, dims: Dims, what: str) -> tuple[Any, ...]:
        given = (dims,) if isinstance(dims, int | np.integer) else tuple(dims or ())
        for dim in given:
            if not -self.ndim <= dim < self.ndim:
                raise IndexError(f"{what}: the shape {self.shape} has no axis {dim}")
        return tuple(dim % self.ndim for dim in given)


def values_of(other: Any) -> Any:
    return other._array if isinstance(other, Base) else other


def plain_index(index: Any) -> Any:
    """The index with arrays in place of Tensors."""
    if isinstance(index, Base):
        return index._array
    if isinstance(index, tuple | list) and any(isinstance(part, Base) for part in index):
        return type(index)(plain_index(part) for part in index)
    return index


def numpy_axis(dim: Dims) -> Any:
    return dim if dim is None or isinstance(dim, int) else tuple(dim)
