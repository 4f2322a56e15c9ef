"""Philox 4x32-10: counter-based random bits.

    words[4 i .. 4 i + 3] = philox(counter = (i, stream, step low, step high), key = seed)

Ten rounds of two 32 x 32 -> 64 bit multiplications (Salmon, Moraes, Dror, Shaw: "Parallel Random
Numbers: As Easy as 1, 2, 3", SC 2011). No state: any device or process that knows seed, step,
stream and position draws the same bits, in any order. 20 multiplications for 16 bytes.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.registry import kernel

_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


@kernel("random_bits", name="philox4x32")
def random_bits(
    count: int, *, seed: int, step: int, stream: int, like: np.ndarray | None = None
) -> np.ndarray:
    """`count` words, (count,) uint32, where the array `like` is: on the CPU.

    seed and step are taken modulo 2^64, stream modulo 2^32.
    """
    words = memory.empty((-(-count // 4), 4), np.uint32)
    counter = np.array([0, stream & 0xFFFFFFFF, step & 0xFFFFFFFF, step >> 32 & 0xFFFFFFFF], "u8")
    key = np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], "u8")
    if count:
        _fill(words, counter, key)
    return words.reshape(-1)[:count]  # (blocks,4) -> (count,)


@entry_point(parallel=True)
def _fill(words, counter, key):  # type: ignore[no-untyped-def]
    for i in numba.prange(words.shape[0]):
        a, b, c, d = _rounds(np.uint64(i), counter[1], counter[2], counter[3], key[0], key[1])
        words[i, 0], words[i, 1], words[i, 2], words[i, 3] = a, b, c, d


@subroutine
def _rounds(a, b, c, d, key0, key1):  # type: ignore[no-untyped-def]
    """Ten rounds on one block of four 32-bit words, each held in a 64-bit integer."""
    for _ in range(10):
        left, right = _MULTIPLIER_0 * a, _MULTIPLIER_1 * c
        a, b = (right >> _SHIFT) ^ b ^ key0, right & _LOW
        c, d = (left >> _SHIFT) ^ d ^ key1, left & _LOW
        key0, key1 = (key0 + _WEYL_0) & _LOW, (key1 + _WEYL_1) & _LOW
    return a, b, c, d
