"""Tensor's methods of values: copies, types, devices, and the place on the tape."""

from __future__ import annotations

import weakref
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from minidl import device as devices
from minidl import dtypes
from minidl.methods.base import Base, Tensor

_bool: TypeAlias = bool  # in a class whose method has the name of the type


class Values(Base):
    """Copies in other memory, types and places, and what the tape knows."""

    __slots__ = ()

    def numpy(self) -> np.ndarray:
        """The data on the CPU: the tensor's own array if it is there already, else a copy."""
        return devices.host(self.data)

    def tolist(self) -> Any:
        """The values as nested lists of Python's numbers."""
        return devices.host(self._array).tolist()

    def clone(self) -> Tensor:
        """A copy in memory of its own, on the tape."""
        return self.functions.clone(self._own)

    def cpu(self) -> Tensor:
        """The same values in the machine's memory."""
        return self.to("cpu")

    def cuda(self) -> Tensor:
        """The same values in the GPU's memory."""
        return self.to("cuda")

    def to(self, *where: Any, dtype: DTypeLike | None = None, device: str | None = None,
           non_blocking: _bool = False, copy: _bool = False,
           memory_format: str | None = None) -> Tensor:  # fmt: skip
        """The same values on a device, in a type, or as another Tensor has them; on the tape.

        The tensor itself if it is so already. memory_format changes nothing: functions take every
        order of memory, and give images with their channels last.
        """
        for each in where:
            if isinstance(each, Base):
                device, dtype = each._own.device, each.dtype
            elif isinstance(each, str):
                device = each
            elif each is not None:
                dtype = each
        x = self._own
        if device is not None:
            x = self.functions.to(x, device)
        if dtype is not None:
            x = self.functions.cast(x, dtypes.check(dtype, "to"))
        return x.clone() if copy and x is self else x

    def float(self) -> Tensor:
        """In float32."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """In float64."""
        return self.to(dtypes.float64)

    def long(self) -> Tensor:
        """In int64; fractions are cut off."""
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        """In int32; fractions are cut off."""
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        """True where a value is not 0."""
        return self.to(dtypes.bool_)

    def type_as(self, other: Tensor) -> Tensor:
        """In the type of `other`."""
        return self.to(other.dtype)

    def half(self) -> Tensor:
        """Refused: no kernel computes in float16."""
        return self.to(np.float16)

    def is_floating_point(self) -> Any:
        """True for float32 and float64."""
        return self.dtype.kind == "f"

    def type(self, dtype: DTypeLike | None = None) -> Any:
        """In this type; without one the type's name."""
        return f"minidl.{self.dtype}" if dtype is None else self.to(dtype)

    def element_size(self) -> Any:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def is_cuda(self) -> Any:
        """True on a GPU."""
        return self._own.device == "cuda"

    def new_full(self, size: Any, fill_value: Any, *, dtype: DTypeLike | None = None,
                 device: str | None = None, requires_grad: Any = False) -> Tensor:  # fmt: skip
        """One value in a shape, of this tensor's type and device by default."""
        kind = self.dtype if dtype is None else dtypes.check(dtype, "new_full")
        shape = (size,) if isinstance(size, np.integer | int) else tuple(size)
        made = self._holding(np.full_like(self._array, fill_value, kind, shape=shape))
        made = made if device is None else made.to(device)
        made.requires_grad = requires_grad
        return made

    def new_zeros(self, *size: Any, **options: Any) -> Tensor:
        """Zeros of this tensor's type and device."""
        return self.new_full(size[0] if len(size) == 1 else size, 0, **options)

    new_empty = new_zeros

    def new_ones(self, *size: Any, **options: Any) -> Tensor:
        """Ones of this tensor's type and device."""
        return self.new_full(size[0] if len(size) == 1 else size, 1, **options)

    def new_tensor(self, data: Any, *, dtype: DTypeLike | None = None) -> Tensor:
        """A copy of numbers or an array in this tensor's type and on its device."""
        kind = self.dtype if dtype is None else dtypes.check(dtype, "new_tensor")
        return self._holding(devices.like(np.array(data, kind), self._array))

    def equal(self, other: Tensor) -> Any:
        """True for a tensor of the same shape and values."""
        return self.shape == other.shape and bool((self._own == other).all())

    def allclose(self, other: Tensor, rtol: Any = 1e-5, atol: Any = 1e-8) -> Any:
        """True if |x - other| <= atol + rtol |other| everywhere."""
        return np.allclose(devices.host(self._array), devices.host(other._array), rtol, atol)

    @property
    def is_leaf(self) -> Any:
        """True for a tensor that no operation on the tape computed."""
        return self.node is None

    @property
    def grad_fn(self) -> Any:
        """The node on the tape, None for a leaf."""
        return self.node

    def requires_grad_(self, requires_grad: Any = True) -> Self:
        """Switch the gradient on or off; returns the tensor."""
        if requires_grad:
            self._require_float("requires_grad_")
        self._own.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of a result of an operation too, in `.grad`, in each backward pass.

        RuntimeError for a tensor that requires no gradient.
        """
        if not self.requires_grad:
            raise RuntimeError(
                f"retain_grad: the tensor of shape {self.shape} requires no gradient"
            )
        if self.node is not None:
            self.node.retained = weakref.ref(self._own)

    def detach_(self) -> Self:
        """Taken off the tape, itself; returns the tensor."""
        self._own.node, self._own.requires_grad = None, False
        return self
