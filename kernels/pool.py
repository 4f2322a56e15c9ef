"""Memory that is used again: fresh pages cost more than the arithmetic on them.

The system hands out large arrays page by page, each cleared when it is first touched; at the sizes
of a network's activations that takes longer than many a kernel. So a large array's memory goes back
to this pool when the last view of it is gone, and the next array of about its size takes it.

The pool never holds more than was in use at once: before it asks the system for more than that,
it gives back the blocks that have been idle the longest.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from threading import RLock

import numpy as np

LEAST = 1 << 16
"""Bytes below which an array is not worth the trouble."""
ALIGNMENT = 64
_STEPS = 8


@dataclass
class Usage:
    """Bytes in arrays, idle in the pool, and the most that was in arrays at once."""

    live: int = 0
    idle: int = 0
    most: int = 0


class _Lease:
    """Owns a block as long as an array looks at it.

    Views refer to the array made from it and that to this object, which therefore dies with the
    last of them.
    """

    __slots__ = ("__array_interface__", "_block", "_pool")

    def __init__(self, pool: Pool, block: np.ndarray, nbytes: int) -> None:
        self._pool, self._block = pool, block
        address = block.ctypes.data
        self.__array_interface__ = {
            "data": (address + -address % ALIGNMENT, False),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }

    def __del__(self) -> None:
        self._pool.returned.append(self._block)


@dataclass
class Pool:
    """Blocks by their size."""

    usage: Usage = field(default_factory=Usage)
    returned: deque[np.ndarray] = field(default_factory=deque)
    """Blocks that come back, at any time and in any thread; sorted in when the next is taken."""
    _idle: dict[int, list[tuple[int, np.ndarray]]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)
    _clock: int = 0

    def take(self, nbytes: int) -> np.ndarray:
        """(nbytes,) uint8, aligned, filled with whatever was there."""
        with self._lock:
            self._sort_in()
            size = _rounded(nbytes + ALIGNMENT)
            waiting = self._idle.get(size)
            if waiting:
                block = waiting.pop()[1]
                self.usage.idle -= size
            else:
                self._make_room(size)
                block = np.empty(size, np.uint8)
            self.usage.live += size
            self.usage.most = max(self.usage.most, self.usage.live)
        return np.asarray(_Lease(self, block, nbytes))

    def trim(self) -> None:
        """Give everything idle back to the system, and forget how much was needed."""
        with self._lock:
            self._sort_in()
            self._idle.clear()
            self.usage.idle, self.usage.most = 0, self.usage.live

    def _sort_in(self) -> None:
        while self.returned:
            block = self.returned.popleft()
            self._clock += 1
            self._idle.setdefault(block.size, []).append((self._clock, block))
            self.usage.live -= block.size
            self.usage.idle += block.size

    def _make_room(self, size: int) -> None:
        """Drop the longest idle until the new block fits under the most that was ever in use."""
        most = max(self.usage.most, self.usage.live + size)
        while self.usage.idle and self.usage.live + self.usage.idle + size > most:
            oldest = min((s for s, blocks in self._idle.items() if blocks), key=self._age)
            del self._idle[oldest][0]
            self.usage.idle -= oldest

    def _age(self, size: int) -> int:
        return self._idle[size][0][0]


def _rounded(nbytes: int) -> int:
    """Up to an eighth of a power of two, so that arrays of about one size share blocks."""
    step = max(1 << max(math.floor(math.log2(nbytes)) - int(math.log2(_STEPS)), 0), 4096)
    return -(-nbytes // step) * step


pool = Pool()
