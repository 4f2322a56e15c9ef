"""Argument checks of the functions: tensors, numbers, integers, axes, sizes and switches on or off.

Each returns the argument in its canonical form, or raises a TypeError or a ValueError that says
what was given and what would fit. The sizes of windows are checked in `kernels/contract`.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np

from kernels.contract.arguments import flag as flag
from minidl import device
from minidl.handed_array import HandedArray
from minidl.tensor import Tensor

MOST = 2**63 - 1
"""The largest size of an axis, and number of elements."""
LONGEST = 2**31 - 1
"""The most elements of an axis of a result that is larger than its operands."""
MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
"""Bytes of this machine's memory."""


def tensor(value: object, operation: str, name: str) -> None:
    """TypeError, with the operation's and the argument's names, unless the value is a Tensor."""
    if not isinstance(value, Tensor):
        hint = "; Tensor(array) makes one" if device.is_array(value) else ""
        raise TypeError(f"{operation}: {name} must be a Tensor, got {shown(value)}{hint}")


def overwritten(x: Tensor, function: Any, inplace: object, what: str, *settings: Any) -> Tensor:
    """The function of x and the settings, written into x if `inplace` is true; TypeError if it is
    neither true nor false."""
    if not flag(inplace, f"{what}: inplace"):
        result: Tensor = function(x, *settings)
        return result
    return x._change(f"{what}(inplace=True)", lambda old: function(old, *settings))


def tensors(values: object, what: str) -> Sequence[Tensor]:
    """Several tensors; a Tensor alone, whose rows might be meant, is refused too."""
    if not isinstance(values, Iterable) or isinstance(values, Tensor | np.ndarray | str):
        raise TypeError(f"{what}: takes a list of Tensors, got {shown(values)}")
    found = tuple(values)
    for at, value in enumerate(found):
        tensor(value, what, f"element {at}")
    return found


def is_number(value: object) -> TypeGuard[float]:
    """True for a real number, Python's or NumPy's, and for an array of one without axes."""
    if isinstance(value, int | float | np.integer | np.floating | np.bool_):
        return True
    return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "biuf"


def number(value: object, what: str) -> float:
    """The number as Python's float, so that it changes no tensor's type."""
    if not is_number(value):
        raise TypeError(f"{what} must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} must be a number, got {shown(value)}: too large") from None


def integer(value: object, what: str, least: int = -MOST, most: int = MOST) -> int:
    """The integer as Python's; neither a float nor a bool is one."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{what} must be an integer, got {shown(value)}")
    if not least <= value <= most:
        raise ValueError(f"{what} must be from {least} to {most}, got {value}")
    return int(value)


def integers(value: object, what: str, least: int = -MOST) -> tuple[int, ...]:
    """A sequence of integers, none below `least`."""
    if type(value) is tuple and all(type(v) is int and least <= v <= MOST for v in value):
        return value  # the common case
    flat = not isinstance(value, np.ndarray) or value.ndim == 1
    if not flat or not isinstance(value, Iterable) or isinstance(value, str | bytes | Tensor):
        raise TypeError(f"{what} must be a sequence of integers, got {shown(value)}")
    found = tuple(value)
    return tuple(integer(size, f"each of {what} {shown(found)}", least) for size in found)


def numbers(value: object, what: str) -> tuple[float, ...]:
    """A sequence of numbers."""
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Tensor):
        raise TypeError(f"{what} must be a sequence of numbers, got {shown(value)}")
    return tuple(number(each, f"each of {what}") for each in value)


def array(value: object, what: str) -> None:
    """TypeError unless the value is an array."""
    if not device.is_array(value):
        raise TypeError(f"{what} must be an array, got {shown(value)}")


def sizes(value: object, what: str) -> tuple[int, ...]:
    """A shape: sizes of at least 0, and no more elements than can be counted."""
    found = integers(value, what, least=0)
    if math.prod(found) > MOST:
        raise ValueError(f"{what} {found} has more than {MOST} elements")
    return found


def one_of(value: object, words: Sequence[str], what: str) -> str:
    """The word; ValueError lists those that there are."""
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{what} must be one of {', '.join(words)}, got {shown(value)}")
    return value


def mask(value: Any, what: str) -> Any:
    """The array of bool, or one bool as an array; TypeError for anything else."""
    array = np.asarray(value) if isinstance(value, bool | np.bool_) else value
    array = array._array if isinstance(array, Tensor) else array
    if not device.is_array(array) or array.dtype != bool:
        raise TypeError(f"{what} must be an array of bool, got {shown(value)}")
    return array


def switches(value: Any, what: str) -> None:
    """TypeError unless the value is an array of integers."""
    if not device.is_array(value):
        raise TypeError(f"{what} must be an array of integers, got {shown(value)}")


def label_array(value: object, what: str) -> None:
    """TypeError unless the value is an array or a list of numbers."""
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not listed and not device.is_array(value):
        raise TypeError(f"{what} must be an array of integers, got {shown(value)}")


def named_padding(
    value: str, window: Sequence[int], dilation: Any, stride: Any, what: str
) -> tuple[int, ...]:
    """PyTorch's words for padding as numbers, (before, after) for each axis: "valid" is none,
    "same" gives a result of x's size, with the odd one behind; only without a stride."""
    one_of(value, ("same", "valid"), f"{what}: padding")
    each = (dilation,) * len(window) if isinstance(dilation, int) else tuple(dilation)
    if value == "valid":
        return (0,) * (2 * len(window))
    steps = (stride,) if isinstance(stride, int) else tuple(stride)
    if any(step != 1 for step in steps):
        raise ValueError(f"{what}: padding 'same' needs stride 1, got {stride}")
    totals = [d * (size - 1) for d, size in zip(each, window, strict=True)]
    return tuple(n for total in totals for n in (total // 2, total - total // 2))


def algorithm(value: object, what: str) -> None:
    """TypeError unless the value is the name of a kernel, "exact" or None."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{what}: algorithm must be a kernel's name or None, got {shown(value)}")


def shown(value: object) -> str:
    """The value in a few words: type and shape of an array, else what Python prints, shortened."""
    if isinstance(value, Tensor):
        return f"a Tensor of {value.dtype} {value.shape}"
    if device.is_array(value):
        array: Any = value
        kind = np.ndarray if isinstance(value, HandedArray) else type(value)
        return f"a {kind.__module__}.{kind.__name__} of {array.dtype} {array.shape}"
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def axis(value: object, shape: Sequence[int], what: str) -> int:
    """An axis of an array of this shape, counted from the front; ValueError if there is none."""
    found = integer(value, what)
    if not -len(shape) <= found < len(shape):
        raise ValueError(f"{what} {found} is no axis of the shape {tuple(shape)}")
    return found % len(shape)


def axes(value: object, shape: Sequence[int], what: str) -> tuple[int, ...]:
    """One axis or several, each named once, counted from the front."""
    one = isinstance(value, int | np.integer)
    found = tuple(axis(a, shape, what) for a in integers((value,) if one else value, what))
    if len(set(found)) != len(found):
        raise ValueError(f"{what} {shown(value)} names an axis of the shape {tuple(shape)} twice")
    return found


def positions(value: Any, length: int, what: str) -> np.ndarray:
    """Positions along an axis of this length as an array of its own on the CPU, none negative."""
    given = value._array if isinstance(value, Tensor) else value
    try:
        found = np.array(device.host(given) if device.is_array(given) else given)
    except ValueError:
        found = np.array(None)
    if found.dtype.kind not in "iu" and found.size:
        raise TypeError(f"{what} must be integers, got {shown(value)}")
    if not found.size:
        return found.astype(np.int64)
    least, most = int(found.min()), int(found.max())
    if least < -length or most >= length:
        outside = most if most >= length else least
        raise ValueError(f"{what}: {outside} is outside of an axis of {length}")
    placed: np.ndarray = found.astype(np.int64)
    return placed if least >= 0 else np.where(placed < 0, placed + length, placed)


def result(shape: Sequence[int], dtype: np.dtype, what: str) -> None:
    """ValueError unless a result of this shape and type could be in this machine's memory."""
    needed = math.prod(shape) * dtype.itemsize
    if max(shape, default=0) > LONGEST or needed > MEMORY:
        raise ValueError(
            f"{what} gives the shape {tuple(shape)}, {needed / 2**30:.3g} GiB; an axis may have "
            f"{LONGEST} elements, and this machine has {MEMORY / 2**30:.3g} GiB"
        )
