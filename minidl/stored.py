"""Array of a Tensor, its type and place, and the notes of writes into its memory.

Base of Tensor that knows no tape. All that changes values passes here, and notes the time of the
change (`versions.py`): by it a node of the tape finds that a value that it saved was overwritten.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import memory
from minidl import device as devices
from minidl import dtypes, versions
from minidl.handed_array import Count, handed, is_view_of


class Stored:
    """An array of any shape and strides, on any device, which is shared and not copied.

    `_array` is for the engine's functions, which note their writes. `data` is for users.
    """

    __slots__ = ("__weakref__", "_array", "_guard", "_replaced")

    _array: np.ndarray
    _guard: versions.Guard | None
    """Only a parameter's memory has one: it finds the writes of others into the array."""
    _replaced: int
    """The time at which `data` got another array."""

    @property
    def data(self) -> np.ndarray:
        """The array, with Tensor's methods where NumPy has none of the name."""
        return handed(self._array) if self._guard is None else self._handed_out()

    @data.setter
    def data(self, data: np.ndarray | Stored) -> None:
        if isinstance(data, Stored):
            data = data._array
        if self._is_own(data):
            self._wrote()
            return
        held = devices.is_array(data) and data.dtype.kind in "biu" and self._array.dtype.kind != "f"
        self._array, self._guard = data if held else float_array(data, None), None
        self._replaced = versions.changed()
        self._guard_memory()

    def _guard_memory(self) -> None:
        """Nothing: only a parameter's memory has a guard."""

    def _handed_out(self) -> np.ndarray:
        """The array, of whose memory the guard knows from here on that others may write to it."""
        assert self._guard is not None
        own: np.ndarray = self._guard.handed(self._array)
        if self._array is not self._guard.array:
            self._array = own
        return handed(own)

    def _is_own(self, array: object) -> bool:
        if array is self._array or is_view_of(array, self._array):
            return True
        return self._guard is not None and array is self._guard.owner

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> Count:
        """The number of elements; `size()` is the shape, `size(0)` its first number."""
        count = Count(self._array.size)
        count.shape = self._array.shape
        return count

    @property
    def dtype(self) -> np.dtype:
        return self._array.dtype

    @property
    def device(self) -> devices.Device:
        """The device of the data: "cpu", "cuda" or "emulator"."""
        return devices.NAMED[devices.of(self._array)]

    @property
    def changed(self) -> int:
        """The time of the last change that was noted, on the clock of `minidl.versions`."""
        if self._guard is None:
            return max(self._replaced, versions.last_write(self._array))
        return max(self._replaced, self._guard.last_write())

    @property
    def version(self) -> int:
        """A number that every change of the values raises: the time of the last one.

        Of a parameter NumPy's writes count too; of another tensor only those that are noted.
        """
        if self._guard is not None:
            self._guard.look()
        return self.changed

    def assign(self, data: np.ndarray) -> None:
        """Overwrite the values in place, from any device; ValueError if the shape differs.

        With the tensor's own array, already changed, this only counts the change.
        """
        if not devices.is_array(data):
            raise TypeError(f"assign: takes an array, got a {type(data).__name__}")
        if data.shape != self.shape:
            raise ValueError(f"assign: {data.shape} does not fit the tensor's {self.shape}")
        if not self._is_own(data):
            self._array[...] = devices.like(data, self._array)
        self._wrote()

    def _wrote(self) -> None:
        """Note a write into the memory, for all tensors that share it."""
        if self._guard is None:
            versions.wrote(self._array)
        else:
            self._guard.wrote()

    def _guarded_as(self, other: Stored) -> Self:
        """This tensor, with the other's guard if it shares the other's memory."""
        if other._guard is not None and other._guard.covers(self._array):
            self._guard = other._guard
        return self


def float_array(data: Any, dtype: DTypeLike | None) -> np.ndarray:
    """The data of a new Tensor as an array of float32 or float64; TypeError for what is neither
    numbers nor an array of these types."""
    if isinstance(data, Stored):
        raise TypeError(
            f"Tensor: got a Tensor of {data.dtype} {data.shape}; .detach() is one of the same data"
        )
    if devices.is_remote(data):
        array = data if dtype is None else data.astype(dtype, copy=False)
    elif isinstance(data, np.ndarray | np.generic) and dtype is None:
        array = np.asarray(data)
    else:
        array = _converted(data, dtype)
    if array.dtype not in memory.FLOATS:
        raise TypeError(
            f"Tensor: holds float32 or float64, got {array.dtype} of shape {array.shape}; "
            "convert it with .astype(np.float32)"
        )
    return array


def _converted(data: Any, dtype: DTypeLike | None) -> np.ndarray:
    """Lists, numbers, and arrays of which a type is asked for."""
    given = np.asarray(data)
    if dtype is None and given.dtype == np.float16:
        dtypes.check(given.dtype, "Tensor")
    if given.dtype.kind not in "biuf":  # None would become NaN, and "3" 3
        raise TypeError(f"Tensor: holds numbers, got {data!r:.100} ({type(data).__name__})")
    return np.asarray(given, dtype=np.float32 if dtype is None else dtype)
