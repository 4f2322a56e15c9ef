"""Matrix product with sums of up to 128 terms: a large result, written once.

    out (M,N) = a (M,K) b (K,N) [+ bias, one value per column]

The gradient of a linear layer's weights has a term for each image. Up to 8 rows by 3 vectors of out
are summed in registers (`outer_strided_3` in `kernels/cpu/micro_kernel.py`) and written with
non-temporal stores, which do not read the memory first (`kernels/cpu/non_temporal.py`). b is packed
in panels of 3 vectors, some of which stay in the L2 cache for all rows. 2 M N K operations; limited
by writing the M N results up to some 30 terms, above by the processor's multiply-adds.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import pieces
from kernels.cpu.micro_kernel import MR_T, outer_strided_3
from kernels.cpu.non_temporal import fence, use_non_temporal
from kernels.cpu.vector import lanes, lanes_of

FEW = 128
"""Terms of a sum, at most."""
NEAR = 1 << 18
"""Bytes of b's panels that are used for all rows before the next ones."""


def supports(problem: Problem) -> bool:
    """At most FEW terms, and at least the rows of the smallest tile."""
    M, N, K = problem.geometry
    return 1 <= K <= FEW and M >= MR_T // 2 and N >= 1


def nanoseconds(problem: Problem) -> float:
    """The result at 5 elements a nanosecond, multiply-adds at 130."""
    M, N, K = problem.geometry
    return float(max(M * N / 5, M * -(-N // 48) * 48 * K / 130) + 2 * (M + N) * K + 2e4)


@kernel(
    "matmul",
    name="few_terms",
    accuracy=Accuracy(bound=lambda shape: shape[2] + 1),
    cost=Cost(nanoseconds),
    abilities=Abilities(supports=supports),
)
def matmul(
    a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int], *, bias: np.ndarray | None = None
) -> np.ndarray:
    """a (M,K), b (K,N), bias (N,) -> (M,N); `shape` is (M, N, K); accumulates in their type."""
    M, N, _ = shape
    out, transposed = memory.empty((M, N), a.dtype), np.ascontiguousarray(a.T)
    panels = _panels(b, 3 * lanes(a.dtype))
    flat = out.reshape(-1)  # (M,N) -> (MN,), the same memory
    whole = N % lanes(a.dtype) == 0  # then every vector of a row is aligned if the first one is
    _multiply(transposed.reshape(-1), panels.reshape(-1), flat, shape, whole, pieces(-(-M // MR_T)))
    return out if bias is None else np.add(out, bias, out=out)


def _panels(b: np.ndarray, NR: int) -> np.ndarray:
    """b (K,N) -> (panels,K,NR), with zeros after the last column."""
    K, N = b.shape
    whole, panels = N // NR, -(-N // NR)
    packed = memory.empty((panels, K, NR), b.dtype)
    # (K,whole NR) -> (K,whole,NR) -> (whole,K,NR)
    packed[:whole] = b[:, : whole * NR].reshape(K, whole, NR).transpose(1, 0, 2)
    if panels > whole:
        packed[whole] = 0
        packed[whole, :, : N - whole * NR] = b[:, whole * NR :]
    return packed


@entry_point(parallel=True)
def _multiply(a, b, out, shape, whole, parts):  # type: ignore[no-untyped-def]
    """out (M,N) = the transpose of a (K,M), times b's panels (panels,K,3L); all flat."""
    M, N, K = shape
    NR, groups = 3 * lanes_of(b), (M + MR_T - 1) // MR_T
    panels, non_temporal = (N + NR - 1) // NR, whole and use_non_temporal(out)
    near = max(1, NEAR // (K * NR * b.itemsize))
    for part in numba.prange(parts):
        edge = np.empty(MR_T * NR, b.dtype)
        for first in range(0, panels, near):
            for group in range(groups * part // parts, groups * (part + 1) // parts):
                m, last = M * group // groups, M * (group + 1) // groups
                for panel in range(first, min(first + near, panels)):
                    n = panel * NR
                    # (rows,K) x (K,3L) -> (rows,3L)
                    if n + NR <= N:
                        outer_strided_3(last - m, a, m, M, b, panel * K * NR, NR, out,
                                      m * N + n, N, K, 0, False, non_temporal)  # fmt: skip
                        continue
                    outer_strided_3(last - m, a, m, M, b, panel * K * NR, NR, edge, 0, NR, K,
                                    0, False, False)  # fmt: skip
                    for row in range(last - m):
                        for e in range(N - n):
                            out[(m + row) * N + n + e] = edge[row * NR + e]
        fence()
