"""Arrays as C functions take them, and results between pages that cannot be accessed."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

from kernels.judge.guarded import FILLING, GUARD, PAGE, protect


def packed(a: np.ndarray) -> np.ndarray:
    """The array itself if C code can read it, else a copy."""
    plain = a.flags.c_contiguous and a.flags.aligned and a.dtype.isnative
    return a if plain else np.array(a, a.dtype.newbyteorder("="), order="C")


def pointer(a: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(a.ctypes.data)


def between_guards(shape: tuple[int, ...], dtype: np.dtype, at_end: bool) -> np.ndarray:
    """An array of NaN, flush with the end or the start of its pages, between pages that fault."""
    nbytes = int(np.prod(shape)) * dtype.itemsize
    size = -(-max(nbytes, 1) // PAGE) * PAGE
    whole = mmap.mmap(-1, size + 2 * GUARD)
    protect(whole, 0, GUARD)
    protect(whole, GUARD + size, GUARD)
    inside = np.frombuffer(whole, np.uint8, size, GUARD)
    inside[:] = FILLING
    start = (size - nbytes) // dtype.itemsize * dtype.itemsize if at_end else 0
    return inside[start : start + nbytes].view(dtype).reshape(shape)  # (bytes,) -> shape
