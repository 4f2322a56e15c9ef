"""Matrix product by BLAS on Numba's threads, each piece of the result by a call.

    out (M,N) = a (M,K) b (K,N) [+ bias, one value per column]

`gemm` of SciPy's BLAS is called through the pointer that SciPy exports to Cython, inside a Numba
parallel loop, with that BLAS limited to one thread: one thread pool works at a time. `out`
is cut into pieces that depend on its size alone, so no sum is split and any number of threads gives
the same bits. 2 M N K operations; compute-bound at the sizes of convolutions.

Floating type: float32 or float64, accumulated in the same type.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numba
import numpy as np
from numba import types
from numba.extending import get_cython_function_address

from kernels.contract import memory, threads
from kernels.contract.compilation import entry_point, subroutine


def _external(name: str) -> Any:
    """A BLAS routine as a symbol: Numba's cache on disk then holds a name, not an address."""
    symbol = f"minidl_{name}"
    llvm.add_symbol(symbol, get_cython_function_address("scipy.linalg.cython_blas", name))
    return types.ExternalFunction(symbol, types.void(*[types.uintp] * 13))


_sgemm = _external("sgemm")
_dgemm = _external("dgemm")
threads.hold_blas_to_one_thread()

PACKING = 40
"""Multiply-adds in the time in which BLAS packs an element of an operand, about."""
NEARLY = 33 / 32
"""Of the time of two pieces, that of more of them at most."""
PLAIN, TRANSPOSED = ord("N"), ord("T")


def gemm(
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """a (M,K) times b (K,N), plus `bias` (N,) on every row, written to `out` (M,N) row-major.

    `a` and `b` may be row-major or the transpose of a row-major array; others are copied.
    """
    (M, K), N = a.shape, b.shape[1]
    out = memory.empty((M, N), a.dtype) if out is None else out
    bias = np.empty(0, a.dtype) if bias is None else bias
    if 0 in (M, N, K):
        out[...] = bias if bias.size else 0
        return out
    a, a_op, a_leading = _operand(a)
    b, b_op, b_leading = _operand(b)
    operands = (a.ctypes.data, a_op, a_leading, b.ctypes.data, b_op, b_leading)
    _gemm(*operands, out, bias, K, *grid(M, N))
    return out


@lru_cache(maxsize=1024)
def grid(M: int, N: int) -> tuple[int, int]:
    """Pieces of a result (M,N), down and across: two, or the most that take nearly their time.

    Each piece packs its operands anew: the less there are, the better for few threads.
    """
    two = (2, 1) if M >= N else (1, 2)
    grids = [two, (2, 2), (4, 1), (1, 4), (4, 2), (2, 4), (8, 1), (1, 8), (4, 4)]
    near = [some for some in grids if _time(M, N, some) <= NEARLY * _time(M, N, two)]
    return max(near, key=lambda some: (some[0] * some[1], -_time(M, N, some)))


def _time(M: int, N: int, grid: tuple[int, int]) -> float:
    """Of a multiply-add of a result cut so, with its part of the packing."""
    return 1 + PACKING * (grid[0] / M + grid[1] / N)


def _operand(x: np.ndarray) -> tuple[np.ndarray, int, int]:
    """(array, BLAS's operation, leading dimension) of a row- or column-major matrix."""
    for matrix, operation in ((x, PLAIN), (x.T, TRANSPOSED)):
        leading = _leading_dimension(matrix)
        if leading:
            return x, operation, leading
    return _operand(np.ascontiguousarray(x))


def _leading_dimension(x: np.ndarray) -> int:
    """Elements from one row to the next where rows are packed and follow each other, else 0."""
    rows, columns = x.shape
    packed = x.strides[1] == x.itemsize or columns == 1
    if rows == 1:
        return columns if packed else 0
    apart, remainder = divmod(x.strides[0], x.itemsize)
    return apart if packed and remainder == 0 and apart >= columns else 0


@entry_point(parallel=True)
def _gemm(a, a_op, a_leading, b, b_op, b_leading, out, bias, K, down, across):  # type: ignore[no-untyped-def]
    M, N = out.shape
    item = out.itemsize
    a_row = item * (a_leading if a_op == PLAIN else 1)  # bytes from a row of a to the next
    b_column = item * (1 if b_op == PLAIN else b_leading)
    for piece in numba.prange(down * across):
        i, j = piece // across, piece % across
        m0, m1 = M * i // down, M * (i + 1) // down
        n0, n1 = N * j // across, N * (j + 1) // across
        if m1 > m0 and n1 > n0:
            if bias.size:
                for m in range(m0, m1):
                    out[m, n0:n1] = bias[n0:n1]
            corner = out.ctypes.data + (m0 * N + n0) * item
            multiply(a + m0 * a_row, a_op, a_leading, b + n0 * b_column, b_op, b_leading,
                     corner, N, m1 - m0, n1 - n0, K, bias.size > 0, item == 8)  # fmt: skip


@subroutine
def multiply(a, a_op, a_ld, b, b_op, b_ld, out, out_ld, M, N, K, add, double):  # type: ignore[no-untyped-def]
    """out (M,N) = a (M,K) b (K,N) [+ out, if `add`], by address and leading dimension, one thread.

    Row-major, an operand with operation PLAIN; TRANSPOSED says that its transpose is stored.
    BLAS is column-major, so it is asked for out^T = b^T a^T. The caller keeps the arrays alive.
    """
    operations = np.array([b_op, a_op], np.uint8)
    sizes = np.array([N, M, K, b_ld, a_ld, out_ld], np.int32)
    op, size = operations.ctypes.data, sizes.ctypes.data
    if double:
        scales = np.array([1.0, 1.0 if add else 0.0])
        alpha = scales.ctypes.data
        _dgemm(op, op + 1, size, size + 4, size + 8, alpha, b, size + 12, a, size + 16,
               alpha + 8, out, size + 20)  # fmt: skip
        keep(scales[0])
    else:
        scales32 = np.array([1.0, 1.0 if add else 0.0], np.float32)
        alpha = scales32.ctypes.data
        _sgemm(op, op + 1, size, size + 4, size + 8, alpha, b, size + 12, a, size + 16,
               alpha + 4, out, size + 20)  # fmt: skip
        keep(scales32[0])
    keep(operations[0] + sizes[0])


@numba.njit(cache=True, inline="never")
def keep(value):  # type: ignore[no-untyped-def]
    """A use after the call: in compiled code an address does not keep its array alive."""
    return value
