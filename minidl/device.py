"""Devices of arrays, and copies between them.

    "cpu"       NumPy's arrays, in the machine's memory
    "cuda"      CuPy's arrays, in a GPU's memory
    "emulator"  a marked subclass of NumPy's arrays, on which the CUDA kernels run without a GPU

Functions never copy their operands between devices: all arrays of a call, and its result, are on
one device. Only the functions of this module copy. A copy runs at the bus's 10 to 50 GB/s, where a
GPU reads its own memory at 1000 to 3000; a copy to the host also waits until all earlier work is
done.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from kernels import cuda
from kernels.contract import devices, memory

DEVICES = ("cpu", "cuda", "emulator")


class Device(str):
    """A device's name, which has PyTorch's attributes."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """The name."""
        return str(self)


NAMED = {name: Device(name) for name in DEVICES}


def check(device: str) -> Device:
    """The device's name; ValueError for an unknown name, or if no GPU can be used.

    "cuda:0" is "cuda". The error says what is missing and how to select the emulator.
    """
    name = "cuda" if device == "cuda:0" else device
    if name not in NAMED:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if name == "cuda":
        devices.cupy()
    return NAMED[name]


class _Callable(ModuleType):
    """This module, which called as in PyTorch checks a device's name: `minidl.device("cpu")`."""

    def __call__(self, device: str) -> Device:
        return check(device)


sys.modules[__name__].__class__ = _Callable


def of(array: Any) -> str:
    """The device of an array; TypeError for anything else."""
    kind = "cpu" if isinstance(array, np.generic) else cuda.device_kind(array)
    if kind is None:
        raise TypeError(f"a {type(array).__name__} is on no device; expected an array")
    return kind


def is_array(value: object) -> bool:
    """True for an array of any device."""
    return cuda.device_kind(value) is not None


def is_host(array: object) -> bool:
    """True for an array of NumPy on the CPU."""
    return type(array) is np.ndarray or cuda.device_kind(array) == "cpu"


def is_remote(value: object) -> bool:
    """True for an array of another device than the CPU."""
    return cuda.device_kind(value) not in ("cpu", None)


def move(array: Any, device: str) -> Any:
    """The array on `device`: itself if it is there already, else a copy in the kernels' layout.

    Raises as `check`, and MemoryError if the device has no memory left.
    """
    if of(array) == device:
        return array
    here = host(array)
    if check(device) == "cpu":
        return here
    return cuda.place(memory.canonicalise(here), device)


def like(array: Any, other: Any) -> Any:
    """The array on the device of `other`."""
    return array if type(array) is type(other) else move(array, of(other))


def host(array: Any) -> np.ndarray:
    """The array on the CPU: itself if it is there already, else a copy."""
    if of(array) != "cpu":
        return cuda.host(array)
    here: np.ndarray = array
    return here


def index(place: Any, array: Any) -> Any:
    """The index `place`, with its arrays on the device of `array`."""
    if isinstance(place, tuple):
        return tuple(index(part, array) for part in place)
    part = np.array(place) if isinstance(place, list) else place
    return like(part, array) if is_array(part) else part


def add_at(target: Any, place: Any, values: Any) -> None:
    """target[place] += values, in place; values of one index are added in row order.

    A GPU would add values of one index in any order, and the sums would differ from run to run. So
    the first value of each index is added, then the second of each, and so on: the CPU's order,
    with the same bits. `target` is row-major.
    """
    if not _has_integers(place):
        target[index(place, target)] += values
    elif of(target) == "cpu":
        np.add.at(target, place, values)
    else:
        _add_in_rounds(target, place, values)


def take_along(array: Any, places: np.ndarray, axis: int) -> Any:
    """The parts of `array` at `places` (one axis, none negative) along `axis`, in a copy of the
    array's memory order."""
    order = memory_order(array)
    at = like(places, array)
    taken = np.take(array.transpose(order), at, order.index(axis))  # the slowest axis first
    return taken.transpose(np.argsort(order).tolist())  # and back


def take_into(array: Any, places: Any, out: Any) -> None:
    """out = the parts of `array` at `places` along axis 1; all of one device."""
    if is_host(out):
        np.take(array, places, 1, out=out, mode="clip")  # without a copy that "raise" needs
    else:
        out[...] = np.take(array, places, 1)


def add_along(values: Any, places: np.ndarray, axis: int, size: int) -> Any:
    """The transpose of `take_along`: zeros, `size` along `axis`, with the parts of `values` added
    at `places`; those of one place in row order, as in `add_at`."""
    before = (slice(None),) * axis
    shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
    total = np.zeros_like(values, shape=shape)
    rounds = _occurrence(places)
    order = np.argsort(rounds, kind="stable")
    ends = np.cumsum(np.bincount(rounds)).tolist() if len(places) else []
    for start, end in zip([0, *ends], ends, strict=False):  # each place once in a round
        some = order[start:end]
        part = values if len(some) == len(places) else values[(*before, like(some, values))]
        total[(*before, like(places[some], total))] += part
    return total


def memory_order(array: Any) -> list[int]:
    """The axes from the slowest in memory to the fastest."""
    return sorted(range(array.ndim), key=lambda a: -abs(array.strides[a]))


def _has_integers(place: Any) -> bool:
    """True for an index with arrays of integers, which may name an element twice."""
    if isinstance(place, tuple):
        return any(_has_integers(part) for part in place)
    return isinstance(place, list) or (is_array(place) and place.ndim > 0 and place.dtype != bool)


def _add_in_rounds(target: Any, place: Any, values: Any) -> None:
    numbers = np.arange(target.size).reshape(target.shape)  # (size,) -> the target's shape
    places = numbers[_here(place)].reshape(-1)  # the values' shape -> (count,)
    rounds = _occurrence(places)
    flat, added = target.reshape(-1), values.reshape(-1)  # any shape -> (size,), (count,)
    for each in range(int(rounds.max(initial=-1)) + 1):
        (some,) = np.nonzero(rounds == each)
        flat[like(places[some], target)] += added[like(some, target)]


def _here(place: Any) -> Any:
    if isinstance(place, tuple):
        return tuple(_here(part) for part in place)
    return host(place) if is_array(place) else place


def _occurrence(places: np.ndarray) -> np.ndarray:
    """The number of equal elements before each element: 3 5 3 3 5 -> 0 0 1 2 1."""
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    first = np.searchsorted(ranked, ranked)  # the beginning of each run of equal elements
    found = np.empty_like(order)
    found[order] = np.arange(len(order)) - first
    return found
