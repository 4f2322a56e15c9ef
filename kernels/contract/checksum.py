"""Checksum of an array's bits, at the speed of memory.

    sum over i of mix(word i + (i + 1) GAMMA)  modulo 2^64,    words of 64 bits, in memory order

`mix` is the finaliser of SplitMix64 (Steele, Lea, Flood 2014). It is a bijection, so a change of
one word always changes the sum. Any other change, a permutation too, is missed with a probability
of about 2^-64. 2 products and 8 other integer operations for 8 bytes; nothing is written. One core
reads 35 GB/s from its caches, more than from memory, so there is no parallel form.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import devices, memory
from kernels.contract.arrays import host_view
from kernels.contract.compilation import entry_point

SMALL = 1 << 12
"""Bytes up to which the bits themselves are kept: copying them takes less time than a call."""
WORD = 8
AT_A_TIME = 1 << 20
"""Words of a device whose intermediate values are in memory together: some tens of megabytes."""
GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)

Checksum = tuple[int, bytes]
"""The sum over the words, and the bits that fill no word; of a small array all its bits."""


def checksum(array: Any) -> Checksum:
    """The checksum of an array of any shape, strides and device.

    Of two arrays with one shape and one memory order it is equal if, and but for chance only if,
    all their bits are equal.
    """
    flat = _in_memory_order(array)
    if not isinstance(flat, np.ndarray):
        return device_sum(devices.loaded(), flat.view(np.uint32)), b""
    if flat.nbytes <= SMALL:
        return 0, flat.tobytes()
    whole = flat.nbytes // WORD * WORD // flat.itemsize
    words = flat[:whole].view(np.uint64)
    if not words.flags.aligned:
        words = words.copy()
    return int(_sum(words)), flat[whole:].tobytes()


def _in_memory_order(array: Any) -> Any:
    """Any shape -> (size,), in the order of memory; a view if there are no gaps."""
    if type(array) is np.ndarray:  # the common layouts first
        plain = memory.nhwc(array) if array.ndim == 4 else array
        if plain.flags.c_contiguous:
            return plain.reshape(-1)
    plain = host_view(array) if isinstance(array, np.ndarray) else array
    axes = sorted(range(plain.ndim), key=lambda axis: -abs(plain.strides[axis]))
    flat = plain.transpose(axes).reshape(-1)
    return np.ascontiguousarray(flat) if isinstance(flat, np.ndarray) else flat


@entry_point(nogil=True)
def _sum(words):  # type: ignore[no-untyped-def]
    total = step = np.uint64(0)
    for i in range(len(words)):
        step += GAMMA
        z = words[i] + step
        z = (z ^ (z >> S30)) * FIRST
        z = (z ^ (z >> S27)) * SECOND
        total += z ^ (z >> S31)
    return total


def device_sum(library: Any, words: Any) -> int:
    """The same sum over words of 32 bits, by array functions of `library`, which is CuPy on a GPU.

    It waits for the device once.
    """
    total = library.zeros(1, np.uint64)
    for begin in range(0, len(words), AT_A_TIME):
        part = words[begin : begin + AT_A_TIME].astype(np.uint64)
        step = library.arange(begin + 1, begin + 1 + len(part), dtype=np.uint64) * GAMMA
        z = part + step
        z = (z ^ (z >> S30)) * FIRST
        z = (z ^ (z >> S27)) * SECOND
        total += (z ^ (z >> S31)).sum(dtype=np.uint64, keepdims=True)
    return int(total[0])
