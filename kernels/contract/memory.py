"""Allocation, memory layout, and canonicalisation of operands (dtype, layout, alignment).

Shapes are N, C, H, W everywhere; memory is channels-last (NHWC): an (N,H,W,C) array seen through
`transpose(0, 3, 1, 2)`, so that compiled loops, and the threads of a warp, run over contiguous
channels. Arrays may belong to a device (`arrays.py`): an array made `like` one is stored there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import devices, threads
from kernels.contract.arrays import Emulated, address, device_kind
from kernels.contract.compilation import entry_point
from kernels.contract.machine import LAST_CACHE
from kernels.contract.pool import ALIGNMENT, LEAST, pool

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
VECTOR = 16
"""Bytes that a CUDA thread loads at once, from an address that they divide."""


@dataclass
class Counters:
    """Copies that canonicalisation had to make, for profiles: calls and bytes."""

    copies: int = 0
    copied_bytes: int = 0


counters = Counters()
_poison = False
_chunk = LAST_CACHE


def empty(
    shape: Sequence[int], dtype: DTypeLike, layout: str = "C", like: Any = None
) -> np.ndarray:
    """An array to be filled, on the device of `like`; a large one from `pool.py`.

    `layout` "C" is row-major; "NHWC" gives shape (N,C,H,W) in channels-last memory.
    Inside `poisoned()` it comes filled with NaN (integers: their minimum), so that a test finds
    what a kernel forgot to write.
    """
    if layout == "NHWC":
        N, C, H, W = shape
        shape = N, H, W, C
    array = _fresh(tuple(shape), np.dtype(dtype), like)
    if _poison:
        array.fill(np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).min)
    return nchw(array) if layout == "NHWC" else array


def _fresh(shape: tuple[int, ...], dtype: np.dtype, like: Any) -> np.ndarray:
    kind = None if like is None else device_kind(like)
    if kind == "cuda":
        return devices.loaded().empty(shape, dtype)  # CuPy has a pool of its own
    small = math.prod(shape) * dtype.itemsize < LEAST
    array = np.empty(shape, dtype) if small else pool.take(shape, dtype)
    return array.view(Emulated) if kind == "emulator" else array


def empty_like(x: np.ndarray) -> np.ndarray:
    """An array to be filled, of x's shape, type, device and (for four axes) channels-last."""
    return empty(x.shape, x.dtype, "NHWC" if x.ndim == 4 else "C", like=x)


def flat(x: np.ndarray) -> np.ndarray:
    """The elements of a canonical array in the order of its memory, the same memory."""
    return nhwc(x).reshape(-1) if x.ndim == 4 else x.reshape(-1)


def rows(y: np.ndarray) -> tuple[np.ndarray, int]:
    """(elements from the first of y (N,C,H,W) on, flat; elements from a pixel to the next).

    y is channels-last, or some channels of an array that is: its pixels then are further apart.
    """
    plain = nhwc(y)
    if plain.flags.c_contiguous:
        return plain.reshape(-1), y.shape[1]  # (N,H,W,C) -> (NHWC,), the same memory
    row = plain.strides[2] // y.itemsize
    size = (math.prod(plain.shape[:3]) - 1) * row + y.shape[1]
    return np.lib.stride_tricks.as_strided(plain, (size,), (y.itemsize,)), row


@contextmanager
def poisoned() -> Iterator[None]:
    """Within it, every buffer from `empty` is filled with NaN first."""
    global _poison
    before, _poison = _poison, True
    try:
        yield
    finally:
        _poison = before


def is_poisoned() -> bool:
    """Whether buffers come filled with NaN."""
    return _poison


def chunk() -> int:
    """Bytes that a kernel may lay out at a time: what the last cache holds, unless `in_chunks`."""
    return _chunk


@contextmanager
def in_chunks(nbytes: int) -> Iterator[None]:
    """Within it, kernels that work in chunks lay out about `nbytes` at a time; at least one part
    of the work, so 1 means as little as they can."""
    global _chunk
    before, _chunk = _chunk, nbytes
    try:
        yield
    finally:
        _chunk = before


def nhwc(x: np.ndarray) -> np.ndarray:
    """(N,C,H,W) -> (N,H,W,C), the same memory."""
    return x.transpose(0, 2, 3, 1)


def nchw(x: np.ndarray) -> np.ndarray:
    """(N,H,W,C) -> (N,C,H,W), the same memory."""
    return x.transpose(0, 3, 1, 2)


def canonicalise(x: np.ndarray) -> np.ndarray:
    """`x` in the form that compiled code is specialised for, copied only if it has to be.

    Four axes become channels-last, a matrix may be row- or column-major, others are row-major;
    all are aligned, writable (read-only arrays are another type to Numba) and in native byte order.
    Arrays of a device are aligned to vectors of 16 bytes.
    """
    if type(x) is not np.ndarray and device_kind(x) in ("emulator", "cuda"):
        return _canonicalise_device(x)
    plain = nhwc(x) if x.ndim == 4 else x
    flags = plain.flags
    packed = flags.c_contiguous or (x.ndim == 2 and flags.f_contiguous)
    # A reversed axis of length one is contiguous too, and other libraries refuse its stride.
    forwards = 1 not in plain.shape or min(plain.strides) >= 0
    if packed and forwards and flags.aligned and flags.writeable and plain.dtype.isnative:
        return x
    counters.copies += 1
    counters.copied_bytes += x.nbytes
    if x.ndim == 4 and x.dtype in FLOATS and x.flags.c_contiguous and x.flags.behaved:
        transposed = empty(x.shape, x.dtype, "NHWC")
        with threads.region():
            _to_nhwc(x.reshape(-1), nhwc(transposed))
        return transposed
    copied = np.array(plain, dtype=plain.dtype.newbyteorder("="), order="C", copy=True)
    return nchw(copied) if x.ndim == 4 else copied


def copy(x: np.ndarray, to: np.ndarray) -> None:
    """to[...] = x, of one shape and type; quick from the layout of other libraries too."""
    if x.ndim == 4 and x.flags.c_contiguous and x.flags.behaved and not to.flags.c_contiguous:
        with threads.region():
            _to_nhwc(x.reshape(-1), nhwc(to))  # (N,C,H,W) -> (NCHW,), the same memory
    else:
        to[...] = x


def cache_aligned(x: np.ndarray) -> np.ndarray:
    """`x` aligned to cache lines, for weights that are read again and again: large ones are copied.

    NumPy aligns to 16 bytes, so that every other vector may straddle two cache lines; and its large
    arrays may be spread over small pages.
    """
    if type(x) is not np.ndarray or x.nbytes < LEAST or x.ctypes.data % ALIGNMENT == 0:
        return x
    copied = empty_like(x)
    copied[...] = x
    return copied


def takes_results(x: Any) -> bool:
    """Whether a kernel can write its results to `x` itself, and not to a canonical copy.

    On a device a part of an array need not be aligned: kernels of there look (`cuda/packs.py`).
    """
    if type(x) is not np.ndarray and device_kind(x) in ("emulator", "cuda"):
        return _is_packed(x)
    return canonicalise(x) is x


def _is_packed(x: Any) -> bool:
    plain = nhwc(x) if x.ndim == 4 else x
    packed: bool = plain.flags.c_contiguous or (x.ndim == 2 and plain.flags.f_contiguous)
    return packed and plain.dtype.isnative


def _canonicalise_device(x: Any) -> Any:
    """The same on a device, by methods that arrays of CuPy and of the emulator have in common."""
    plain = nhwc(x) if x.ndim == 4 else x
    if _is_packed(x) and address(plain) % VECTOR == 0:
        return x
    counters.copies += 1
    counters.copied_bytes += x.nbytes
    copied = plain.astype(plain.dtype.newbyteorder("="), order="C", copy=True)
    return nchw(copied) if x.ndim == 4 else copied


@entry_point(parallel=True)
def _to_nhwc(x, y):  # type: ignore[no-untyped-def]
    """Transpose y (N,H,W,C) = x, flat (N,C,H,W): the layout of other libraries."""
    N, H, W, C = y.shape
    for unit in numba.prange(N * H):
        n, h = unit // H, unit % H
        if C == 3:  # a photograph: LLVM interleaves vectors of three rows
            row, plane = (n * 3 * H + h) * W, H * W
            red, green, blue = x[row:], x[row + plane :], x[row + 2 * plane :]
            for w in range(W):
                y[n, h, w, 0], y[n, h, w, 1], y[n, h, w, 2] = red[w], green[w], blue[w]
        else:
            for w in range(W):
                for c in range(C):
                    y[n, h, w, c] = x[((n * C + c) * H + h) * W + w]


def common_float(arrays: Sequence[np.ndarray], what: str) -> np.dtype:
    """The one float type of all `arrays`; TypeError if they differ or are none."""
    first: np.dtype = arrays[0].dtype if arrays else np.dtype(np.void)
    if first in FLOATS and all(a.dtype is first for a in arrays):
        return first
    dtypes = {a.dtype.newbyteorder("=") for a in arrays}
    if len(dtypes) != 1 or not dtypes <= set(FLOATS):
        found = ", ".join(sorted(str(d) for d in dtypes))
        raise TypeError(f"{what} takes arrays of one type, float32 or float64; got {found}")
    return dtypes.pop()
