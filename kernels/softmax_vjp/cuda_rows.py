"""Gradient of the softmax of rows on CUDA, a block of threads for each row.

Two reads and one write per element, 12 bytes in float32: limited by memory; the second read of a
row is from the cache.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks
from kernels.softmax.cuda_rows import THREADS, Shape

PROGRAM = Program(
    __file__, entries=("softmax_vjp<float>", "softmax_vjp<double>"), block=(THREADS, 1, 1)
)


@kernel(
    "softmax_vjp", name="rows", device="cuda", accuracy=Accuracy(bound=lambda shape: 4 + shape[2])
)
def vjp(gy: np.ndarray, y: np.ndarray, shape: Shape) -> np.ndarray:
    """gy, y (B,M,N), on the device, y the softmax -> gx (B,M,N)."""
    gx = memory.empty_like(y)
    if y.size:
        rows, N = y.size // shape[2], shape[2]
        arrays = memory.flat(gy), memory.flat(y), memory.flat(gx)
        sizes = np.int64(rows), np.int32(N)
        name = f"softmax_vjp<{ctype(y.dtype)}>"
        PROGRAM.launch(name, (blocks(rows, 1),), (THREADS,), *arrays, *sizes)
    return gx
