"""Matrix products of a batch by cuBLAS (`kernels/cuda/products.py`), in one call.

    out (B,M,N) = a (B,M,K) b (B,K,N)

2 B M N K operations. Limited by the multiply-adds, or by memory if one of the sizes is small.
"""

from __future__ import annotations

from typing import Any

from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import product
from kernels.cuda.rates import LAUNCH, moved, multiplied


def nanoseconds(problem: Problem) -> float:
    """Roofline: the multiply-adds, or both operands and the result moved once."""
    B, M, N, K = problem.geometry
    return max(multiplied(B * M * N * K), moved(B * (M * K + K * N + M * N))) + LAUNCH


@kernel(
    "batched_matmul",
    name="blas",
    device="cuda",
    accuracy=Accuracy(bound=lambda shape: shape[3] + 1),
    cost=Cost(nanoseconds),
)
def batched_matmul(a: Any, b: Any, shape: tuple[int, int, int, int]) -> Any:
    """a (B,M,K), b (B,K,N) -> (B,M,N); `shape` is (B, M, N, K); accumulates in their type."""
    out = memory.empty(shape[:3], a.dtype, like=a)
    if 0 in shape:
        out[...] = 0
    else:
        product(a, b, out=out)
    return out
