"""Special methods of Tensor that Python, NumPy and other libraries call.

Length, rows, truth, Python's numbers, formats, comparisons; the array for NumPy's functions, and
DLPack.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl import device as devices
from minidl import printing
from minidl.methods.base import Base, Tensor, values_of


class Protocols(Base):
    """A Tensor as a sequence of rows, a number, an array, a value that is compared and printed."""

    __slots__ = ()

    def item(self) -> Any:
        """The one value as Python's number; ValueError if there are several."""
        return devices.host(self._array).item()

    def __repr__(self) -> str:
        return printing.shown(devices.host(self._array), *self._notes())

    def _notes(self) -> Iterator[str]:
        """What is said after the values: the device, the place on the tape."""
        if self.device != "cpu":
            yield f"device={str(self.device)!r}"
        if self.node is not None:
            yield f"grad_fn=<{self.node.operation}>"
        elif self.requires_grad:
            yield "requires_grad=True"

    def __format__(self, spec: str) -> str:
        """The one value in this format; without a format what `str` gives of several."""
        if self.ndim == 0:
            return format(self.item(), spec)
        if not spec:
            return str(self)
        raise TypeError(
            f"a format {spec!r} is for one number, and the Tensor is of shape {self.shape}; "
            ".item() of an element is one"
        )

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a Tensor without axes has no length; .item() is its value")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        """The rows x[0], x[1], ...; TypeError without an axis."""
        if self.ndim == 0:
            raise TypeError("a Tensor without axes has no rows; .item() is its value")
        return (self._own[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        """Whether the one value is not 0; ValueError if there are several or none."""
        if self._array.size != 1:
            raise ValueError(
                f"a Tensor of shape {self.shape} is neither true nor false: it has "
                f"{self._array.size} values; .any() and .all() are one"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return float(self._one_number("float"))

    def __int__(self) -> int:
        return int(self._one_number("int"))

    def __index__(self) -> int:
        """For an integer Tensor of one value: a place in a list, an end of a range."""
        if self.dtype.kind not in "iub" or self.ndim:
            raise TypeError(
                f"only an integer Tensor without axes is an index, got {self.dtype} {self.shape}"
            )
        return int(self.item())

    def _one_number(self, what: str) -> Any:
        if self._array.size != 1:
            raise ValueError(
                f"{what}() is of one value, and a Tensor of shape {self.shape} has "
                f"{self._array.size}; .tolist() has them all"
            )
        return self.item()

    def __eq__(self, other: object) -> Any:
        """Elementwise, a Tensor of bool, as in PyTorch; `is` compares the tensors themselves."""
        return self._compared(other, np.equal)

    def __ne__(self, other: object) -> Any:
        """Elementwise, a Tensor of bool."""
        return self._compared(other, np.not_equal)

    def __lt__(self, other: object) -> Any:
        return self._compared(other, np.less)

    def __le__(self, other: object) -> Any:
        return self._compared(other, np.less_equal)

    def __gt__(self, other: object) -> Any:
        return self._compared(other, np.greater)

    def __ge__(self, other: object) -> Any:
        return self._compared(other, np.greater_equal)

    def __hash__(self) -> int:
        """By identity: two tensors of one value are two keys of a dictionary."""
        return id(self)

    def __contains__(self, value: object) -> bool:
        """Whether an element equals the value."""
        equal = self == value
        return bool(equal.any())

    def _compared(self, other: object, comparison: np.ufunc) -> Any:
        values = values_of(other)
        if not devices.is_array(values) and not isinstance(values, int | float | np.generic):
            return NotImplemented
        return self._holding(comparison(self._array, values))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """The data for NumPy's functions, which know no tape and no device.

        TypeError for a tensor that is on the tape or requires a gradient, or on another device.
        """
        if self.requires_grad or devices.is_remote(self._array):
            why = "requires a gradient" if self.requires_grad else f"is on {self.device!r}"
            raise TypeError(
                f"a Tensor of shape {self.shape} that {why} is no array for NumPy: use the "
                "functions of minidl, or its values by .numpy()"
            )
        return np.array(self.data, dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        """The data for other libraries, without a copy (`minidl.exchange`); the options are the
        array API standard's. BufferError for a tensor that requires a gradient, or emulated."""
        if self.requires_grad or self.device == "emulator":
            why = "requires a gradient" if self.requires_grad else "is on the emulator"
            raise BufferError(
                f"a Tensor of shape {self.shape} that {why} is not handed out: share .detach(), or "
                "its values by .numpy()"
            )
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's kind and number of the data's device."""
        kind, number = self._array.__dlpack_device__()
        return int(kind), int(number)
