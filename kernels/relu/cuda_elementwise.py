"""Rectification on CUDA: y = max(x, 0); NaN stays NaN.

One read and one write per element, 8 bytes in float32, for one comparison: limited by memory. A
thread moves 16 bytes at a time.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks

BLOCK = 256
PROGRAM = Program(__file__, entries=("rectify<float>", "rectify<double>"), block=(BLOCK, 1, 1))


@kernel("relu", name="elementwise", device="cuda")
def forward(x: np.ndarray) -> np.ndarray:
    """x of any shape, on the device -> y of the same shape, type and memory order."""
    y = memory.empty_like(x)
    if y.size:
        grid = (blocks(y.size, 4 * BLOCK),)
        arrays = memory.flat(x), memory.flat(y)
        PROGRAM.launch(f"rectify<{ctype(x.dtype)}>", grid, (BLOCK,), *arrays, np.int64(y.size))
    return y
