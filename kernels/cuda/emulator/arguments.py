"""Arguments of a launch, checked against the types of the kernel's parameters."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kernels.cuda.emulator import native
from kernels.cuda.emulator.native import Kernel, Parameter

_KINDS = {"f": "f", "i": "i", "u": "i", "b": "i"}
_NAMES = {"f": "floating-point number", "i": "integer", "s": "struct"}


@dataclass
class Room:
    """Memory that the kernel may access: an array, or several that overlap."""

    low: int
    high: int
    written: bool
    narrow: bool
    keep: list[np.ndarray] = field(default_factory=list)


@dataclass
class Packed:
    """Arguments as the kernel's entry takes them: an array of pointers to their values."""

    pointers: ctypes.Array[ctypes.c_void_p]
    rooms: list[Room]
    owners: list[tuple[int, ...]]
    keep: list[object]


def pack(kernel: Kernel, arguments: Sequence[object], checked: bool) -> Packed:
    """TypeError: their number or a type is not the kernel's; ValueError: memory that is not one
    block, is read-only where the kernel writes, or is too large to watch."""
    expected = kernel.parameters
    arguments = [a.view(np.ndarray) if isinstance(a, np.ndarray) else a for a in arguments]
    if len(arguments) != len(expected):
        raise TypeError(
            f"{kernel.name} takes {len(expected)} arguments, {len(arguments)} were passed"
        )
    for position, (value, parameter) in enumerate(zip(arguments, expected, strict=True)):
        _check(f"argument {position} of {kernel.name}", value, parameter)
    rooms, owners = _rooms(arguments, expected)
    moved = [_moved(i, room) if checked else 0 for i, room in enumerate(rooms)]
    values = [_value(argument, rooms, owners, moved, i) for i, argument in enumerate(arguments)]
    pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
    return Packed(pointers, rooms, owners, [values, arguments])


def _check(what: str, value: object, parameter: Parameter) -> None:
    if parameter.pointer:
        _check_pointer(what, value, parameter)
    elif not isinstance(value, np.generic):
        raise TypeError(
            f"{what} is passed by value: a NumPy scalar or a struct (np.void) of {parameter.size} "
            f"bytes would do, {type(value).__name__} is none"
        )
    elif (_kind(value.dtype), value.dtype.itemsize) != (parameter.kind, parameter.size):
        raise TypeError(
            f"{what} is a {_NAMES[parameter.kind]} of {parameter.size} bytes, "
            f"not {value.dtype} of {value.dtype.itemsize}"
        )


def _check_pointer(what: str, value: object, parameter: Parameter) -> None:
    if value is None:
        return
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{what} is a pointer: an array or None, not {type(value).__name__}")
    found = (_kind(value.dtype), value.dtype.itemsize)
    if parameter.kind != "s" and found != (parameter.kind, parameter.size):
        raise TypeError(
            f"{what} points to a {_NAMES[parameter.kind]} of {parameter.size} bytes, "
            f"not to {value.dtype}"
        )
    if not value.flags.writeable and not parameter.constant:
        raise ValueError(f"{what} is read-only, and the kernel's pointer to it is not const")
    if value.size and _extent(value)[1] - _extent(value)[0] != value.nbytes:
        raise ValueError(
            f"{what} is not contiguous: shape {value.shape}, strides {value.strides}; "
            "a copy would be"
        )


def _kind(dtype: np.dtype) -> str:
    return _KINDS.get(dtype.kind, "s")


def _extent(array: np.ndarray) -> tuple[int, int]:
    """(first, end): the addresses of an array's first byte and of the one after its last."""
    if not array.size:
        return array.ctypes.data, array.ctypes.data
    return np.lib.array_utils.byte_bounds(array)


def _rooms(
    arguments: Sequence[object], expected: Sequence[Parameter]
) -> tuple[list[Room], list[tuple[int, ...]]]:
    """One room for each array or group of overlapping arrays, with the arguments inside it."""
    arrays = [
        (*_extent(a), i)
        for i, a in enumerate(arguments)
        if isinstance(a, np.ndarray) and a.ndim >= 0
    ]
    rooms: list[Room] = []
    owners: list[tuple[int, ...]] = []
    for low, high, i in sorted(arrays):
        array = arguments[i]
        assert isinstance(array, np.ndarray)
        written, narrow = not expected[i].constant, array.dtype.itemsize < 4
        if rooms and low < rooms[-1].high:
            room = rooms[-1]
            room.high = max(room.high, high)
            room.written |= written
            room.narrow |= narrow
            owners[-1] += (i,)
        else:
            rooms.append(Room(low, high, written, narrow))
            owners.append((i,))
    return rooms, owners


def _moved(i: int, room: Room) -> int:
    """Offset from a room to its copy, on which a checked kernel works."""
    if i >= native.MOST_ARRAYS or room.high - room.low > 3 << 28:
        raise ValueError(
            f"the checked emulator takes {native.MOST_ARRAYS} arrays of at most 768 MiB; "
            "emulator.unchecked() takes any"
        )
    return native.runtime().emulator_room(i, room.low) - room.low


def _value(
    argument: object,
    rooms: list[Room],
    owners: list[tuple[int, ...]],
    moved: list[int],
    position: int,
) -> np.ndarray:
    """The bytes of an argument: of the scalar or struct, or of the pointer to an array."""
    if argument is None:
        return np.zeros(1, np.uint64)
    if isinstance(argument, np.ndarray):
        room = next(i for i, owner in enumerate(owners) if position in owner)
        return np.array([argument.ctypes.data + moved[room]], np.uint64)
    return np.array([argument])
