"""Softmax of rows on CUDA, a block of threads for each row.

The row is read twice and written twice, all but the first in the cache: 8 bytes per element in
float32, limited by memory.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks

THREADS = 128
PROGRAM = Program(__file__, entries=("softmax<float>", "softmax<double>"), block=(THREADS, 1, 1))
Shape = tuple[int, int, int]


@kernel("softmax", name="rows", device="cuda", accuracy=Accuracy(bound=lambda shape: 6))
def forward(x: np.ndarray, shape: Shape) -> np.ndarray:
    """x (B,M,N), on the device -> y (B,M,N), over the last axis."""
    y = memory.empty_like(x)
    if y.size:
        rows, N = y.size // shape[2], shape[2]
        arrays = memory.flat(x), memory.flat(y)
        sizes = np.int64(rows), np.int32(N)
        PROGRAM.launch(
            f"softmax<{ctype(x.dtype)}>", (blocks(rows, 1),), (THREADS,), *arrays, *sizes
        )
    return y
