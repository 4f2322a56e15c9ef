"""Shared memory for the operands of a kernel's calls, between pages that fault.

The judge and the kernel's process map the same memory. Each operand lies in pages of its own, flush
with their end or their start, and the pages before and after cannot be accessed in the kernel's
process: a read or write past the end of an array ends it with SIGSEGV (Electric Fence, B. Perens
1987). What is left of the first or last page is filled, and compared after the call. Operands that
overlap keep their places to each other.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.judge.guarded import FILLING, GUARD, NONE, PAGE, READ_WRITE, protect
from kernels.judge.messages import ArrayRef

SIZE = 1 << 32
"""Bytes of the mapping; the system gives memory to pages that were written alone."""
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
"""A kernel cannot take the memory away below the judge, who would die of SIGBUS."""
KEPT = 1 << 28
"""Bytes that stay allocated between calls."""


@dataclass
class Block:
    """Operands that overlap, as one span of the judge's memory and its place in the arena.

    first, last: pages of the arena, by bytes; at: the byte of the span's beginning.
    """

    low: int
    high: int
    align: int
    first: int = 0
    last: int = 0
    at: int = 0

    @property
    def nbytes(self) -> int:
        return self.high - self.low

    def placed(self, first: int, at_end: bool) -> int:
        """Takes pages from the byte `first` on; the byte after them.

        The address keeps its remainder, so that a misaligned array stays misaligned.
        """
        shift = self.low % self.align
        spare = self.align if shift or self.nbytes % self.align else 0
        pages = -(-max(self.nbytes + spare, 1) // PAGE)
        self.first, self.last = first, first + pages * PAGE
        self.at = self.last - self.nbytes if at_end else self.first + shift
        self.at -= (self.at - shift) % self.align
        return self.last


class Arena:
    """The judge's side: operands are copied in, and what the kernel changed is copied out."""

    def __init__(self) -> None:
        self.file = os.memfd_create("judge", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.file, SIZE)
        fcntl.fcntl(self.file, fcntl.F_ADD_SEALS, SEALS)
        self.memory = mmap.mmap(self.file, SIZE)
        self.bytes = np.frombuffer(self.memory, np.uint8)
        self.blocks: list[Block] = []
        self._used = 0

    def place(self, arrays: Sequence[np.ndarray], at_end: bool) -> list[ArrayRef]:
        """Copies the arrays in, flush with the end of their pages or with the start."""
        self.blocks = _blocks(arrays)
        offset = GUARD
        for block in self.blocks:
            offset = block.placed(offset, at_end) + GUARD
        if offset > SIZE:
            raise ValueError(f"the operands of one call take {offset:,} bytes; {SIZE:,} are shared")
        for block in self.blocks:
            self.bytes[block.first : block.at] = FILLING
            self.bytes[block.at : block.at + block.nbytes] = _span(block.low, block.high)
            self.bytes[block.at + block.nbytes : block.last] = FILLING
        self._used = max(self._used, offset)
        return [self._reference(array) for array in arrays]

    def guards(self) -> list[tuple[int, int]]:
        """The spans that the kernel's process may not access."""
        ends = [0, *(block.last for block in self.blocks)]
        return [(end, end + GUARD) for end in ends]

    def bring_back(self, arrays: Sequence[np.ndarray]) -> str:
        """Copies into the judge's arrays what the kernel changed; a sentence if it wrote beside
        them, or into one that is read-only."""
        for block in self.blocks:
            there = self.bytes[block.at : block.at + block.nbytes]
            here = _span(block.low, block.high)
            if not np.array_equal(there, here):
                writeable = [a for a in arrays if a.flags.writeable and _within(a, block)]
                if not writeable:
                    return "the kernel writes to an operand that is read-only"
                here[...] = there
            beside = (
                self.bytes[block.first : block.at],
                self.bytes[block.at + block.nbytes : block.last],
            )
            for where, part in zip(("before the start", "past the end"), beside, strict=True):
                if (part != FILLING).any():
                    return f"the kernel writes {where} of an operand"
        return ""

    def alias(self, offset: int, nbytes: int) -> tuple[int, Block] | None:
        """The judge's address of a span of the arena, and its block; None if it is in none."""
        for block in self.blocks:
            if block.at <= offset and offset + nbytes <= block.at + block.nbytes:
                return block.low + offset - block.at, block
        return None

    def release(self) -> None:
        """Gives the memory of large calls back to the system."""
        if self._used > KEPT:
            self.memory.madvise(mmap.MADV_REMOVE, 0, -(-self._used // PAGE) * PAGE)
            self._used = 0

    def _reference(self, array: np.ndarray) -> ArrayRef:
        low = np.lib.array_utils.byte_bounds(array)[0]
        block = next(b for b in self.blocks if _within(array, b))
        first = block.at + low - block.low + (array.ctypes.data - low)
        return ArrayRef(first, array.shape, array.strides, array.dtype.str, array.flags.writeable)


class Mapped:
    """The side of the kernel's process: views of operands, and the pages that fault."""

    def __init__(self, file: int) -> None:
        self.memory = mmap.mmap(file, SIZE)
        os.close(file)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self._guarded: set[tuple[int, int]] = set()

    def guard(self, spans: Sequence[tuple[int, int]]) -> None:
        """Makes these spans inaccessible, and all others accessible."""
        wanted = set(spans)
        for span in self._guarded - wanted:
            protect(self.memory, span[0], span[1] - span[0], READ_WRITE)
        for span in wanted - self._guarded:
            protect(self.memory, span[0], span[1] - span[0], NONE)
        self._guarded = wanted

    def view(self, reference: ArrayRef) -> np.ndarray:
        """The array in the shared memory."""
        array: np.ndarray = np.ndarray(
            reference.shape, np.dtype(reference.dtype), self.memory, reference.offset,
            reference.strides,
        )  # fmt: skip
        array.flags.writeable = reference.writeable
        return array

    def offset(self, array: np.ndarray) -> int | None:
        """Where the array lies in the shared memory; None if elsewhere."""
        low, high = np.lib.array_utils.byte_bounds(array)
        inside = self.base <= low and high <= self.base + SIZE and high > low
        return int(array.ctypes.data) - self.base if inside else None


def _blocks(arrays: Sequence[np.ndarray]) -> list[Block]:
    """The spans of the arrays, those that overlap as one."""
    blocks: list[Block] = []
    for array in sorted(arrays, key=lambda a: np.lib.array_utils.byte_bounds(a)[0]):
        low, high = np.lib.array_utils.byte_bounds(array)
        align = max(array.dtype.itemsize, 1)
        if blocks and low < blocks[-1].high:
            blocks[-1].high = max(high, blocks[-1].high)
            blocks[-1].align = max(align, blocks[-1].align)
        else:
            blocks.append(Block(low, high, align))
    return blocks


def _within(array: np.ndarray, block: Block) -> bool:
    low, high = np.lib.array_utils.byte_bounds(array)
    return block.low <= low and high <= block.high


def _span(low: int, high: int) -> np.ndarray:
    """The bytes of the judge's memory from one address to another."""
    if low == high:
        return np.empty(0, np.uint8)
    return np.ctypeslib.as_array((ctypes.c_uint8 * (high - low)).from_address(low))
