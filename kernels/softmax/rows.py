"""Softmax of rows: y = e^(x - max) / (the sum of e^(x - max)), along the last axis of x.

A row is read from memory once. In the first cache its maximum is searched, the powers are written,
added in float64 and scaled: four loops that vectorise. 8 bytes and some 22 operations per element
in float32; rows are shared among the threads, so that no sum depends on their number.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cpu.bits import largest
from kernels.cpu.elementary import exp

Shape = tuple[int, int, int]


@kernel("softmax", name="rows", accuracy=Accuracy(bound=lambda shape: 6))
def forward(x: np.ndarray, shape: Shape) -> np.ndarray:
    """x (B,M,N) -> y (B,M,N), over the last axis.

    In float64 too the error is 6 units, of which a sum of equal signs in float64 takes log2(N): the
    vectorised sum has several chains.
    """
    y = memory.empty_like(x)
    if x.size:
        _rows(memory.flat(x), memory.flat(y), shape[2])
    return y


@numba.njit(parallel=True, cache=True)
def _rows(x, y, N):  # type: ignore[no-untyped-def]
    for row in numba.prange(x.size // N):
        at = row * N
        _write_powers(x, y, at, N, largest(x, at, N))
        factor = y.dtype.type(1.0 / _added(y, at, N))
        for i in range(at, at + N):
            y[i] *= factor


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def _write_powers(x, y, at, count, most):  # type: ignore[no-untyped-def]
    for i in range(at, at + count):
        y[i] = exp(x[i] - most)


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def _added(y, at, count):  # type: ignore[no-untyped-def]
    """The sum in float64, in several chains."""
    total = 0.0
    for i in range(at, at + count):
        total += y[i]
    return total
