"""Arrays put side by side along their channels: what branches of a network end in.

    y[n, h, w, :] = x0[n, h, w, :], x1[n, h, w, :], ...

A line of channels of each, for every pixel: threads take pixels, and every array is read in one
piece. 8 bytes moved a float32; NumPy's own concatenation uses one thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.cpu.lines import copy_line


def side_by_side(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (N,Ci,H,W) of one float type, N, H and W -> (N, sum of Ci, H, W), channels-last."""
    admitted = [memory.admit(x) for x in arrays]
    N, _, H, W = admitted[0].shape
    channels = [x.shape[1] for x in admitted]
    y = memory.empty((N, sum(channels), H, W), memory.common_float(admitted, "concatenate"), "NHWC")
    rows = memory.nhwc(y).reshape(N * H * W, y.shape[1])  # (N,H,W,C) -> (NHW,C), y's memory
    at = 0
    for x, C in zip(admitted, channels, strict=True):
        if x.size:
            with threads.region():
                _place(memory.flat(x), rows, C, at)
        at += C
    return y


@numba.njit(parallel=True, cache=True)
def _place(x, y, C, at):  # type: ignore[no-untyped-def]
    """x, flat (NHW,C), into the columns of y (NHW,K) from `at` on."""
    pixels, K = y.shape
    out = y.reshape(-1)  # (NHW,K) -> (NHWK,), the same memory
    for pixel in numba.prange(pixels):
        copy_line(x, pixel * C, out, pixel * K + at, C)
