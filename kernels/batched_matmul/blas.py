"""Matrix products of a batch, each by calls of single-threaded BLAS, shared out over the threads.

    out (B,M,N) = a (B,M,K) b (B,K,N)

Attention multiplies small matrices, one pair for each head and window: 49x32 by 32x49 in Swin's
first blocks, 192 pairs of them. A call of a kernel for each would take longer than its products. So
one parallel loop runs over all products, cut into blocks of ROWS rows where a is taller. 2 B M N K
operations; limited by the multiply-adds, below some 32 terms by writing the B M N results.

The blocks depend on the sizes alone: any number of threads gives the same bits. Floating type:
float32 or float64, accumulated in the same type.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.gemm import PLAIN, multiply

ROWS = 128
"""Rows of one product that a call of BLAS multiplies, at most."""


def nanoseconds(problem: Problem) -> float:
    """Multiply-adds at 40 a nanosecond, and a microsecond for each product."""
    B, M, N, K = problem.geometry
    return float(B * M * N * K / 40 + 1e3 * B + 2e4)


@kernel(
    "batched_matmul",
    name="blas",
    accuracy=Accuracy(bound=lambda shape: shape[3] + 1),
    cost=Cost(nanoseconds),
)
def batched_matmul(a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """a (B,M,K), b (B,K,N) -> (B,M,N); `shape` is (B, M, N, K); accumulates in their type."""
    out = memory.empty(shape[:3], a.dtype)
    if 0 in shape:
        out[...] = 0
    else:
        _multiply(a, b, out, ROWS)
    return out


@entry_point(parallel=True)
def _multiply(a, b, out, rows):  # type: ignore[no-untyped-def]
    (B, M, K), N = a.shape, b.shape[2]
    item, blocks = out.itemsize, (M + rows - 1) // rows
    for unit in numba.prange(B * blocks):
        n, m = unit // blocks, unit % blocks * rows
        count = min(rows, M - m)
        left = a.ctypes.data + (n * M + m) * K * item
        right = b.ctypes.data + n * K * N * item
        to = out.ctypes.data + (n * M + m) * N * item
        # (count,K) x (K,N) -> (count,N)
        multiply(left, PLAIN, K, right, PLAIN, N, to, N, count, N, K, False, item == 8)
