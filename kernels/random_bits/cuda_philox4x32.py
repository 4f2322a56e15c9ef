"""Philox 4x32-10 on CUDA: the same words as on the CPU (`philox4x32.py` has formula and source).

20 multiplications for 16 bytes that are written: limited by memory on any GPU. The bits of a mask
are drawn on the device that uses them, so no training step copies any.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.registry import kernel
from kernels.cuda import Program
from kernels.cuda.grids import blocks

BLOCK = 256
PROGRAM = Program(__file__, entries=("random_bits",), block=(BLOCK, 1, 1))


@kernel("random_bits", name="philox4x32", device="cuda")
def random_bits(count: int, *, seed: int, step: int, stream: int, like: Any) -> np.ndarray:
    """`count` words, (count,) uint32, on the device of the array `like`.

    seed and step are taken modulo 2^64, stream modulo 2^32.
    """
    fours = -(-count // 4)
    words = memory.empty((4 * fours,), np.uint32, like=like)
    if count:
        counter = np.uint32(stream % 2**32), np.uint64(step % 2**64), np.uint64(seed % 2**64)
        grid = (blocks(fours, BLOCK),)
        PROGRAM.launch("random_bits", grid, (BLOCK,), words, *counter, np.int64(fours))
    return words[:count]
