"""Where arrays lie, and how they go from one place to another.

    "cpu"       NumPy's arrays, in the machine's memory
    "cuda"      CuPy's arrays, in a GPU's memory
    "emulator"  NumPy's arrays that are marked, on which the CUDA kernels run without a GPU

Functions never move what they compute on: all their arrays lie in one place, and the result is
there too. Only what is called here copies. A copy costs the bus, 10 to 50 GB/s where a GPU reads
its own memory at 1000 to 3000, and what comes back also waits until all before it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels import cuda
from kernels.contract import devices, memory

DEVICES = ("cpu", "cuda", "emulator")


def check(device: str) -> str:
    """The device's name; ValueError if there is none of that name, or no GPU to be used.

    The error says what is missing and how to ask for the emulator.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cuda":
        devices.cupy()
    return device


def of(array: Any) -> str:
    """The device on which an array lies; TypeError for what is no array."""
    kind = "cpu" if isinstance(array, np.generic) else cuda.device_kind(array)
    if kind is None:
        raise TypeError(f"a {type(array).__name__} lies on no device; expected an array")
    return kind


def is_array(value: object) -> bool:
    """Whether it is an array of any device."""
    return cuda.device_kind(value) is not None


def is_remote(value: object) -> bool:
    """Whether it is an array that lies elsewhere than on the CPU."""
    return cuda.device_kind(value) not in ("cpu", None)


def move(array: Any, device: str) -> Any:
    """The array on `device`: itself if it lies there, else a copy, laid out as kernels take it.

    Raises as `check`, and MemoryError where there is no room.
    """
    if of(array) == device:
        return array
    here = host(array)
    if check(device) == "cpu":
        return here
    return cuda.place(memory.canonicalise(here), device)


def like(array: Any, other: Any) -> Any:
    """The array where `other` lies."""
    return array if type(array) is type(other) else move(array, of(other))


def host(array: Any) -> np.ndarray:
    """The array on the CPU: itself if it lies there, else a copy."""
    if of(array) != "cpu":
        return cuda.host(array)
    here: np.ndarray = array
    return here


def index(place: Any, array: Any) -> Any:
    """What stands between brackets, its arrays brought to where `array` lies."""
    if isinstance(place, tuple):
        return tuple(index(part, array) for part in place)
    part = np.array(place) if isinstance(place, list) else place
    return like(part, array) if is_array(part) else part


def add_at(target: Any, place: Any, values: Any) -> None:
    """target[place] += values, in place; where several meet, one after the other in row order.

    A GPU adds what meets in any order, which is not the same sum each time. So the first to come
    to each place are added, then the second ones, and so on: the CPU's order, with its bits.
    `target` is row-major.
    """
    if not _has_integers(place):
        target[index(place, target)] += values
    elif of(target) == "cpu":
        np.add.at(target, place, values)
    else:
        _add_in_rounds(target, place, values)


def _has_integers(place: Any) -> bool:
    """Whether there are arrays of integers in it, which may name a place twice."""
    if isinstance(place, tuple):
        return any(_has_integers(part) for part in place)
    return isinstance(place, list) or (is_array(place) and place.ndim > 0 and place.dtype != bool)


def _add_in_rounds(target: Any, place: Any, values: Any) -> None:
    numbers = np.arange(target.size).reshape(target.shape)  # (size,) -> the target's shape
    places = numbers[_here(place)].reshape(-1)  # the values' shape -> (count,)
    rounds = _occurrence(places)
    flat, added = target.reshape(-1), values.reshape(-1)
    for each in range(int(rounds.max(initial=-1)) + 1):
        (some,) = np.nonzero(rounds == each)
        flat[like(places[some], target)] += added[like(some, target)]


def _here(place: Any) -> Any:
    if isinstance(place, tuple):
        return tuple(_here(part) for part in place)
    return host(place) if is_array(place) else place


def _occurrence(places: np.ndarray) -> np.ndarray:
    """How many equal ones stand before each: 3 5 3 3 5 -> 0 0 1 2 1."""
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    first = np.searchsorted(ranked, ranked)  # where each run of equal ones begins
    found = np.empty_like(order)
    found[order] = np.arange(len(order)) - first
    return found
