"""Bias and ReLU in one pass over a result, in place: y = max(y + bias, 0); NaN stays NaN.

One read and one write of y, 8 bytes per element in float32, for an addition and a comparison:
limited by memory. Two kernels would move twice as many bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.cuda.grids import blocks
from kernels.cuda.packs import instances, pack
from kernels.cuda.program import Program

BLOCK = 256
PROGRAM = Program(__file__, entries=instances("epilogue"), block=(BLOCK, 1, 1))


def apply(y: Any, bias: Any | None = None, rectify: bool = False) -> Any:
    """y + bias, or max(y + bias, 0) with `rectify`, written over y, which is returned.

    y is (N,K,P,Q) channels-last or (M,K) row-major, on the device, float32 or float64; bias (K,) of
    its type, or None. ValueError if bias has another shape.
    """
    K = y.shape[1]
    if bias is not None and bias.shape != (K,):
        raise ValueError(
            f"a bias has one value per column of y {y.shape}, ({K},); got {bias.shape}"
        )
    if y.size and (bias is not None or rectify):
        flat = memory.flat(y)
        V, lanes = pack(K, flat) if bias is None else pack(K, flat, bias)
        count = y.size // lanes
        grid = blocks(count, BLOCK), 1, 1
        sizes = np.int32(K // lanes), np.int64(count), np.int32(rectify)
        PROGRAM.launch(f"epilogue<{V}>", grid, (BLOCK, 1, 1), flat, bias, *sizes)
    return y
