"""Pages that cannot be accessed, so that a read or write past the end of an array faults."""

from __future__ import annotations

import ctypes
import mmap

PAGE = mmap.PAGESIZE
GUARD = 16 * PAGE
"""Bytes of a guard: an index that is wrong by less faults."""
FILLING = 0xFF
"""Byte of memory that was not written: floats of it are NaN, integers -1."""
NONE, READ_WRITE = 0, 3

_mprotect = ctypes.CDLL(None, use_errno=True).mprotect


def protect(memory: mmap.mmap, start: int, nbytes: int, how: int = NONE) -> None:
    """Makes a span of pages inaccessible, or accessible again; OSError if the system refuses."""
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if _mprotect(ctypes.c_void_p(base + start), ctypes.c_size_t(nbytes), how):
        raise OSError(ctypes.get_errno(), "mprotect")
