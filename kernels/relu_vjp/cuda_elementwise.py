"""The gradient of rectification on CUDA: gx = 0 where x <= 0, else gy; so gy at NaN.

Two reads and one write per element, 12 bytes in float32: limited by memory alone.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks
from kernels.relu.cuda_elementwise import BLOCK

PROGRAM = Program(__file__, entries=("mask<float>", "mask<double>"), block=(BLOCK, 1, 1))


@kernel("relu_vjp", name="elementwise", device="cuda")
def vjp(gy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """gy, x of one shape, on the device -> gx of the same shape and type."""
    gx = memory.empty_like(x)
    if gx.size:
        grid = (blocks(gx.size, 4 * BLOCK),)
        arrays = memory.flat(gy), memory.flat(x), memory.flat(gx)
        PROGRAM.launch(f"mask<{ctype(x.dtype)}>", grid, (BLOCK,), *arrays, np.int64(gx.size))
    return gx
