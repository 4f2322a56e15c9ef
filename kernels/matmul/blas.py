"""Matrix product by BLAS on our threads: see `kernels/cpu/gemm.py` for the idea."""

from __future__ import annotations

import numpy as np

from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.gemm import gemm


def nanoseconds(problem: Problem) -> float:
    """Products at 60 a nanosecond, and the elements of the larger matrix, packed, at 2."""
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
