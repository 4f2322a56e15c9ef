"""Matrix product by cuBLAS (`kernels/cuda/products.py`).

    out (M,N) = a (M,K) b (K,N) [+ bias, one value per column]

2 M N K operations. The bias is added in a pass of its own (`kernels/cuda/epilogue.py`), another
8 M N bytes in float32. Limited by the multiply-adds, or by memory if one of the sizes is small.
"""

from __future__ import annotations

from typing import Any

from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import epilogue, product
from kernels.cuda.rates import LAUNCH, moved, multiplied


def nanoseconds(problem: Problem) -> float:
    """Roofline: the multiply-adds, or both matrices and the result moved once."""
    M, N, K = problem.geometry
    return max(multiplied(M * N * K), moved(M * K + K * N + M * N)) + 2 * LAUNCH


@kernel(
    "matmul",
    name="blas",
    device="cuda",
    accuracy=Accuracy(bound=lambda shape: shape[2] + 1),
    cost=Cost(nanoseconds),
)
def matmul(a: Any, b: Any, shape: tuple[int, int, int], *, bias: Any | None = None) -> Any:
    """a (M,K), b (K,N), bias (N,) -> (M,N); `shape` is (M, N, K); accumulates in their type."""
    out = memory.empty(shape[:2], a.dtype, like=a)
    if 0 in shape:
        out[...] = 0
    else:
        product(a, b, out=out)
    return epilogue.apply(out, bias)
