"""Matrix product of one or two rows with a large matrix, which is read once, in memory order.

    out (M,N) = a (M,K) b (K,N) [+ bias, one value per column]

A linear layer reads each of its weights for a few images; BLAS packs them first, which takes longer
than reading them. If b is the transpose of a row-major matrix (x W^T), each output is the dot
product of two rows. If b is row-major (gy W), its rows are scaled by elements of a and added, some
columns at a time, so that the sums stay in the L1 cache. 2 M N K operations; limited by reading the
K N elements of b.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import pieces

FEW = 2
"""Rows of a; with more of them BLAS's blocks win."""
COLUMNS = 8192
"""Columns of b that a thread reads at a time: their sums stay in the L1 cache, or nearly."""
LEAST_READ = 1 << 16
"""Elements of b that a thread reads at a time, at least."""
SUMS = {"reassoc", "contract", "nsz"}
"""Fast-math flags that let the compiler vectorise a sum; NaN and infinity are kept."""


def supports(problem: Problem) -> bool:
    """A few rows."""
    return bool(problem.geometry[0] <= FEW)


def nanoseconds(problem: Problem) -> float:
    """The elements of b at 6 a nanosecond."""
    M, N, K = problem.geometry
    return float((M * N * K + N * K) / 12 + 1e4)


def bind(
    a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int], out: np.ndarray, options: Options
) -> Call:
    """The call of `matmul` that writes this `out`."""
    a, bias = np.ascontiguousarray(a), options.bias
    if not b.flags.c_contiguous:
        terms = np.empty(0, a.dtype) if bias is None else bias
        return partial(_dots, a, np.ascontiguousarray(b.T), terms, out)  # b (K,N) -> rows (N,K)
    sums = options.allocate((_parts(shape), *out.shape), a.dtype)
    product = in_turn(
        partial(_add_rows, a, b, sums),
        partial(np.sum, sums, axis=0, out=out),  # (parts,M,N) -> (M,N)
    )
    return product if bias is None else in_turn(product, partial(np.add, out, bias, out=out))


@kernel(
    "matmul",
    name="dots",
    accuracy=Accuracy(bound=lambda shape: shape[2] + 1),
    cost=Cost(nanoseconds),
    abilities=Abilities(supports=supports, bind=bind),
)
def matmul(
    a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int], *, bias: np.ndarray | None = None
) -> np.ndarray:
    """a (M,K), b (K,N), bias (N,) -> (M,N); `shape` is (M, N, K); accumulates in their type."""
    out = memory.empty(shape[:2], a.dtype)
    bind(a, b, shape, out, Options(bias))()
    return out


@entry_point(parallel=True, fastmath=SUMS)
def _dots(a, rows, bias, out):  # type: ignore[no-untyped-def]
    """out (M,N): the dot products of each row of a (M,K) with each of `rows` (N,K), plus bias (N,),
    which may have no elements."""
    M, K = a.shape
    for n in numba.prange(len(rows)):
        for m in range(M):
            total = a.dtype.type(0)
            for k in range(K):
                total += a[m, k] * rows[n, k]
            out[m, n] = total + bias[n] if bias.size else total


def _parts(shape: tuple[int, int, int]) -> int:
    """Parts of the K terms of a sum, so that there are pieces for every thread."""
    _, N, K = shape
    return max(1, min(K // 4, pieces(N * K, LEAST_READ) // max(1, -(-N // COLUMNS))))


@entry_point(parallel=True, fastmath=SUMS)
def _add_rows(a, b, sums):  # type: ignore[no-untyped-def]
    """sums (parts,M,N): a part of b's rows (K,N), scaled by the elements of a (M,K) and added.

    A piece is a part and some columns. Four rows at a time, so that a sum is read and written once
    for four terms.
    """
    (M, K), N, parts = a.shape, b.shape[1], sums.shape[0]
    runs = (N + COLUMNS - 1) // COLUMNS
    for piece in numba.prange(parts * runs):
        part, run = piece // runs, piece % runs
        n0, n1 = N * run // runs, N * (run + 1) // runs
        k0, k1 = K * part // parts, K * (part + 1) // parts
        out = sums[part]
        out[:, n0:n1] = 0
        for k in range(k0, k1 - (k1 - k0) % 4, 4):
            for m in range(M):
                f0, f1, f2, f3 = a[m, k], a[m, k + 1], a[m, k + 2], a[m, k + 3]
                for n in range(n0, n1):
                    pairs = f0 * b[k, n] + f1 * b[k + 1, n], f2 * b[k + 2, n] + f3 * b[k + 3, n]
                    out[m, n] += pairs[0] + pairs[1]
        for k in range(k1 - (k1 - k0) % 4, k1):
            for m in range(M):
                for n in range(n0, n1):
                    out[m, n] += a[m, k] * b[k, n]
