"""Free-list allocator for large arrays, first fit by address.

The system hands out large arrays page by page and clears each page at its first access; at the
sizes of activations that takes longer than many a kernel. So large arrays are allocated in regions
that stay mapped: an array gets the first free block that is large enough, the remainder stays free,
and when its last view is gone the block is merged with its free neighbours. First fit by address
keeps fragmentation low: the arrays of a network, forward or in a training step, take 3 to 9 % more
memory than is in use at once, and no new page after the first two rounds.

The allocator keeps at most an eighth and SLACK more than was in use at once in the last WHILE (or
two), plus parts of large pages: before it would keep more, it returns the pages of its free blocks
to the system. So what one large batch needed goes back while later ones are computed, and what is
needed less often is cleared again, for some percent of the time between. `trim` returns all that is
free. Arrays on a GPU are in CuPy's pool (`minidl.empty_cache`).
"""

from __future__ import annotations

import math
import mmap
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic

import numpy as np

from kernels.contract.machine import CACHE_LINE

LEAST = 1 << 16
"""Bytes below which NumPy allocates."""
ALIGNMENT = CACHE_LINE
PAGE = 4096
HUGE = 2 << 20
"""Bytes of a large page, where the system has them."""
OWN = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Memory of this process alone: what is shared with others gets no large pages."""
SLACK = 64 << 20
"""Bytes beyond an eighth: few large arrays fragment memory more than many small ones."""
WHILE = 10.0
"""Seconds for which the most that was in use at once is remembered, once or twice."""
REGION = 1 << 30
"""Bytes of addresses that are asked for at a time; pages come when they are touched."""


@dataclass
class Usage:
    """Bytes in arrays, idle in the pool, and the most in arrays at once: lately, in this WHILE."""

    live: int = 0
    idle: int = 0
    most: int = 0
    recent: int = 0


class Spans:
    """Sorted, disjoint spans of bytes of a region."""

    def __init__(self) -> None:
        self.begins: list[int] = []
        self.ends: list[int] = []

    def add(self, begin: int, end: int) -> None:
        """Merge the span with those that it touches or overlaps."""
        first, last = bisect_left(self.ends, begin), bisect_right(self.begins, end)
        if first < last:
            begin, end = min(begin, self.begins[first]), max(end, self.ends[last - 1])
        self.begins[first:last], self.ends[first:last] = [begin], [end]

    def take(self, size: int) -> int | None:
        """Remove `size` bytes from the first span that has them; their offset, or None."""
        for i, begin in enumerate(self.begins):
            left = self.ends[i] - begin - size
            if left >= 0:
                if left:
                    self.begins[i] = begin + size
                else:
                    del self.begins[i], self.ends[i]
                return begin
        return None

    def remove(self, begin: int, end: int) -> None:
        """Take the span out of those that it overlaps."""
        first, last = bisect_right(self.ends, begin), bisect_left(self.begins, end)
        if first >= last:
            return
        left, right = self.begins[first], self.ends[last - 1]
        kept = [(left, begin)] * (left < begin) + [(end, right)] * (end < right)
        self.begins[first:last] = [a for a, _ in kept]
        self.ends[first:last] = [b for _, b in kept]

    def holds(self, begin: int, end: int) -> bool:
        """Whether one span has all of these bytes."""
        first = bisect_left(self.ends, end)
        return first < len(self.ends) and self.begins[first] <= begin

    @property
    def size(self) -> int:
        return sum(self.ends) - sum(self.begins)


class Region:
    """A mapping of memory: which bytes are free, and which have pages."""

    def __init__(self, size: int) -> None:
        try:
            self.memory = mmap.mmap(-1, size + HUGE, **OWN)
        except OSError as error:
            raise MemoryError(f"the system has no {size} bytes for arrays: {error}") from error
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        address = np.frombuffer(self.memory, np.uint8).ctypes.data
        self.skipped = -address % HUGE
        self.address, self.size = address + self.skipped, size
        self.free, self.paged, self.pages = Spans(), Spans(), 0  # pages: the bytes that have one
        self.free.add(0, size)

    def take(self, size: int) -> int | None:
        """The offset of the first free `size` bytes, or None."""
        start = self.free.take(size)
        if start is not None and not self.paged.holds(start, start + size):
            self.paged.add(start, start + size)
            self.pages = self.paged.size
        return start

    def give_pages_back(self) -> None:
        """Return whole large pages of free blocks: a large page that is returned in part is split
        into small ones for good."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        for first, last in zip(self.free.begins, self.free.ends, strict=True):
            first, last = -(-first // HUGE) * HUGE, last // HUGE * HUGE
            if first < last:
                self.memory.madvise(mmap.MADV_DONTNEED, self.skipped + first, last - first)
                self.paged.remove(first, last)
        self.pages = self.paged.size


class _Lease(np.ndarray):
    """A block in use. Only views of it are handed out; it dies with the last of them."""

    __slots__ = ("pool", "taken")
    pool: Pool
    taken: tuple[Region, int, int]

    def __del__(self) -> None:
        self.pool.returned.append(self.taken)


@dataclass
class Pool:
    """Regions, in the order in which they are searched."""

    usage: Usage = field(default_factory=Usage)
    returned: deque[tuple[Region, int, int]] = field(default_factory=deque)
    """Blocks that were freed, at any time and in any thread; merged when the next one is taken."""
    lock: RLock = field(default_factory=RLock)
    clock: Callable[[], float] = monotonic
    _regions: list[Region] = field(default_factory=list)
    _since: float = -math.inf  # when this WHILE began

    def take(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An aligned, row-major array, filled with whatever was there."""
        size = -(-math.prod(shape) * dtype.itemsize // PAGE) * PAGE
        if self.clock() - self._since > WHILE:
            self._count_anew()
        taken = self._last_returned(size) or self._found(size)
        region, start, _ = taken
        lease = np.ndarray.__new__(_Lease, shape, dtype, region.memory, region.skipped + start)
        lease.pool, lease.taken = self, taken
        return lease.view(np.ndarray)

    def trim(self) -> None:
        """Return all idle memory to the system, and forget the largest use."""
        with self.lock:
            self._sort_in()
            self._give_pages_back()
            self._regions = [r for r in self._regions if r.free.size < r.size]
            self.usage.most = self.usage.recent = self.usage.live

    def _count_anew(self) -> None:
        """Begin another WHILE, and return what was not needed in the one that ends."""
        usage = self.usage
        with self.lock:
            self._since = self.clock()
            usage.most = usage.recent
            self._sort_in()
            usage.recent = usage.live
            self._keep_little_idle()

    def _keep_little_idle(self) -> None:
        usage = self.usage
        if usage.live + usage.idle > usage.most + usage.most // 8 + SLACK:
            self._give_pages_back()

    def _last_returned(self, size: int) -> tuple[Region, int, int] | None:
        """The block that was freed last, if it has exactly that size.

        A repeated call asks for what it just freed; the search for a free block takes longer than
        a small kernel.
        """
        try:
            taken = self.returned.pop()
        except IndexError:
            return None
        if taken[2] == size:
            return taken
        self.returned.append(taken)
        return None

    def _found(self, size: int) -> tuple[Region, int, int]:
        usage = self.usage
        with self.lock:
            self._sort_in()
            region, start = self._piece(size)
            usage.live += size
            usage.recent = max(usage.recent, usage.live)
            usage.most = max(usage.most, usage.recent)
            self._count()
            self._keep_little_idle()
        return region, start, size

    def _piece(self, size: int) -> tuple[Region, int]:
        for region in self._regions:
            start = region.take(size)
            if start is not None:
                return region, start
        self._regions.append(Region(max(size, REGION)))
        return self._piece(size)

    def _sort_in(self) -> None:
        while self.returned:
            try:
                region, start, size = self.returned.popleft()
            except IndexError:  # another thread took the last one meanwhile (`_last_returned`)
                return
            region.free.add(start, start + size)
            self.usage.live -= size

    def _give_pages_back(self) -> None:
        for region in self._regions:
            region.give_pages_back()
        self._count()

    def _count(self) -> None:
        self.usage.idle = sum([region.pages for region in self._regions]) - self.usage.live


pool = Pool()
