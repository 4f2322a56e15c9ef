"""Matrix product by single-threaded BLAS calls on Numba's threads.

    out (M,N) = a (M,K) b (K,N) [+ bias, one value per column]

`kernels/cpu/gemm.py` cuts the product into blocks, one BLAS call each. 2 M N K operations, and M K
+ K N + M N elements moved once; limited by the multiply-adds if all three sizes are large.
"""

from __future__ import annotations

import numpy as np

from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.gemm import gemm


def nanoseconds(problem: Problem) -> float:
    """Multiply-adds at 60 a nanosecond, and the packed elements of the larger matrix at 2."""
    M, N, K = problem.geometry
    return float(M * N * K / 60 + max(M, N) * K / 2 + 2e4)


@kernel(
    "matmul",
    name="blas",
    accuracy=Accuracy(bound=lambda shape: shape[2] + 1),
    cost=Cost(nanoseconds),
)
def matmul(
    a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int], *, bias: np.ndarray | None = None
) -> np.ndarray:
    """a (M,K), b (K,N), bias (N,) -> (M,N); `shape` is (M, N, K); accumulates in their type."""
    return gemm(a, b, bias=bias)
