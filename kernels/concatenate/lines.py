"""Concatenation of arrays along their channels, as where branches of a network join.

    y[n, h, w, :] = x0[n, h, w, :], x1[n, h, w, :], ...

For every pixel, the channels of each array are copied in order. Threads share the pixels; every
array is read in memory order. 8 bytes are moved for each float32. NumPy's own concatenation uses
one thread.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call
from kernels.contract.compilation import entry_point
from kernels.contract.registry import kernel
from kernels.cpu.lines import copy_run


@kernel("concatenate", name="lines", cost=lambda g: 0.5 * math.prod(g.y_shape))
def forward(*operands: Any) -> np.ndarray:
    """Arrays x0, x1, ... (N,Ci,H,W), then g -> y (N, sum of Ci, H, W)."""
    *arrays, g = operands
    y = memory.empty(g.y_shape, arrays[0].dtype, "NHWC")
    first = 0
    for x, C in zip(arrays, g.channels, strict=True):
        if x.size:
            bind(x, y, first)()
        first += C
    return y


def bind(x: np.ndarray, y: np.ndarray, first: int) -> Call:
    """The call that writes x (N,C,H,W) into the channels of y (N,K,H,W) from `first` on."""
    rows = memory.nhwc(y).reshape(-1, y.shape[1])  # (N,H,W,K) -> (NHW,K), y's memory
    return partial(_place, memory.flat(x), rows, x.shape[1], first)


@entry_point(parallel=True)
def _place(x, y, C, first):  # type: ignore[no-untyped-def]
    """x, flat (NHW,C), into the columns of y (NHW,K) from `first` on."""
    pixels, K = y.shape
    out = y.reshape(-1)  # (NHW,K) -> (NHWK,), the same memory
    for pixel in numba.prange(pixels):
        copy_run(x, pixel * C, out, pixel * K + first, C)
