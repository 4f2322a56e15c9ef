"""Versions of memory: when an array was last written to, through whichever view.

One clock counts the writes and the nodes of the tape. A write is noted at the memory, not at a
tensor: all arrays that share memory have one time of their last write, as PyTorch's tensors of one
storage share a version. So a node of the tape finds that a value that it saved was written to after
it, and what was made of weights (`prepared_weights.py`) that the weights have changed.

Tensors note their own writes: `assign`, an optimiser's step, `tensor.data = ...`. NumPy's writes
into a parameter's array are found by a `Guard`. It hands out the array; while somebody may hold it,
a checksum (`kernels.contract.checksum`) tells whether it was changed.
"""

from __future__ import annotations

import itertools
import os
import sys
import weakref
from threading import RLock
from typing import Any

import numpy as np

from kernels.contract.arrays import Emulated
from kernels.contract.checksum import Checksum, checksum

_clock = itertools.count(1)
_lock = RLock()
_latest = 0
_written: dict[int, int] = {}
_moved: dict[int, int] = {}
_alive: dict[int, weakref.ref[Any]] = {}


def _new_lock() -> None:
    """For a forked process, in which no thread is left that would release the old one."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def tick() -> int:
    """The next time of the clock."""
    return next(_clock)


def changed() -> int:
    """The time of a change that is made now."""
    global _latest
    with _lock:
        _latest = tick()
    return _latest


def unchanged_since(time: int) -> bool:
    """True if nothing at all was changed after `time`."""
    return _latest <= time


def wrote(array: Any) -> None:
    """Note a write into the array's memory."""
    _written[_lasting(array)] = changed()


def moved(array: Any) -> None:
    """Note that a tensor of this memory got another place on the tape (`in_place.py`)."""
    _moved[_lasting(array)] = changed()


def any_moved() -> bool:
    """True if a tensor that may be alive was moved on the tape."""
    return bool(_moved)


def last_move(array: Any) -> int:
    """The time of the last `moved` of the array's memory; 0 without one."""
    return _moved.get(_key(_memory(array)), 0)


def last_write(array: Any) -> int:
    """The time of the last write that was noted for the array's memory; 0 without one."""
    return _written.get(_key(_memory(array)), 0) if _written else 0


def _lasting(array: Any) -> int:
    """The key of the array's memory, under which its time is kept as long as the memory is."""
    memory = _memory(array)
    key = _key(memory)
    if key not in _alive and isinstance(memory, np.ndarray):
        _alive[key] = weakref.ref(memory, lambda _: _forget(key))
    return key


def _forget(key: int) -> None:
    _written.pop(key, None)
    _moved.pop(key, None)
    _alive.pop(key, None)


class _Of:
    """The memory of `array`, for NumPy's array interface; it keeps `owner` alive."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, array: np.ndarray, owner: np.ndarray) -> None:
        self.__array_interface__ = array.__array_interface__
        self.owner = owner


def _alias(array: Any, owner: Any) -> Any:
    """Another array of the same memory, whose views refer to it instead of `owner`."""
    if not isinstance(array, np.ndarray):  # CuPy's
        return type(array)(array.shape, array.dtype, array.data, array.strides)
    other: np.ndarray = np.asarray(_Of(array, owner))
    return other.view(Emulated) if isinstance(array, Emulated) else other


def base_of(array: Any) -> Any:
    """`array.base`, what it is a view of; for the engine's array of a guard its owner."""
    base = array.base
    return base.owner if type(base) is _Of else base


def _memory(array: Any) -> Any:
    """The first array of this memory, of which the others are views."""
    base = base_of(array)
    while isinstance(base, np.ndarray):
        array, base = base, base_of(base)
    return array


def _key(memory: Any) -> int:
    """A name of the memory. It may be given again to other memory; times before that are then
    before everything that was done with it."""
    if isinstance(memory, np.ndarray):
        return id(memory)
    return int(getattr(memory.data, "mem", memory.data).ptr)  # of all that CuPy allocated with it


class Guard:
    """The array of a parameter, and what is known of those to whom it was handed out.

    owner: the array that is handed out. Its views refer to it, or to its own base.
    array: another array of the same memory, for the engine, which notes its writes.

    As long as nobody outside holds `owner` or a view of it, which its number of references tells,
    only noted writes can change it, and nothing is checked. When it is handed out its checksum is
    taken, if there is anything that depends on its values; `look` compares.
    """

    __slots__ = ("_at", "_key", "_known", "_out", "_watched", "array", "owner")

    def __init__(self, owner: Any) -> None:
        self.owner, self.array = owner, _alias(owner, owner)
        self._key = _lasting(owner)
        self._out, self._watched = True, False
        self._known: Checksum | None = None
        self._at = 0

    def wrote(self) -> None:
        """Note a write of the engine's."""
        _written[self._key] = changed()

    def last_write(self) -> int:
        """The time of the last write that was noted, through whatever view."""
        return _written.get(self._key, 0)

    def covers(self, array: Any) -> bool:
        """True if `array` is a view of this memory."""
        if array is self.array or array.base is self.array:
            return True
        return _key(_memory(array)) == self._key

    def handed(self, array: Any) -> Any:
        """`array`, a view of the engine's, as an array that may be written to by others."""
        with _lock:
            if not self._out:
                self._known = checksum(self.array) if self._watched else None
                self._at = self.last_write()
                self._out = True
            if array is self.array:
                return self.owner
            return array if isinstance(array.base, _Of) else _alias(array, self.owner)

    def look(self) -> None:
        """Note a write if the array was written to by others; called before its values are used
        for anything that is kept, and before that is used again."""
        self._watched = True
        if self._out:
            # Nobody gets the array meanwhile, and no other thread takes it for checked.
            with _lock:
                self._compare()

    def _compare(self) -> None:
        alone, noted = self._is_alone(), self.last_write()
        known = self._known if self._at == noted else None  # None: nothing depends on the values
        if not alone or known is not None:
            now = checksum(self.array)
            if known is not None and now != known:
                self.wrote()
            self._known, self._at = now, self.last_write()
        self._out = not alone

    def _is_alone(self) -> bool:
        """True if nobody outside holds the owner or a view of it."""
        count, most = self._references()
        return count <= _OWN and most <= _OF_BASE

    def _references(self) -> tuple[int, int]:
        """The number of references to the owner, and the largest to one of its bases."""
        owner, most = self.owner, 0
        count, base = sys.getrefcount(owner), owner.base
        if not isinstance(owner, np.ndarray):
            count += 1  # a CuPy array of the same memory does not refer to it
        while isinstance(base, np.ndarray | type(owner)):
            most = max(most, sys.getrefcount(base))
            base = base.base
        return count, most


# As this version of Python counts them, those of the counting function included.
_OWN, _OF_BASE = Guard(np.zeros((2, 2)).T)._references()
