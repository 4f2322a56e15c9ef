"""Matrix product of up to 128 rows with a large matrix, which is read once, in memory order.

    out (M,N) = a (M,K) b (K,N) [+ bias, one value a column]

A linear layer multiplies each of its weights by few images, so a separate pass that packs all
weights, as BLAS has it, does not pay. Each thread has a share of the columns of out; a stays in its
cache:

    x W^T, b the transpose of a row-major matrix: 128 terms of 12 or 24 of W's rows (6 or 12 with 16
           registers) are packed into lines in the L1 cache, and multiplied by the panels of a^T
           (`tall_fetching`, `high_fetching`)
    gy W,  b row-major: of some of b's rows at a time, 3 vectors of columns are packed contiguously,
           multiplied by up to 8 rows of a, and added to sums that stay in the L2 cache
           (`steps_fetching`)

Between the products the next lines of b are prefetched (`kernels/cpu/micro_kernel_prefetch.py`).
2 M N K operations; limited by reading the K N elements of b up to some 20 rows, above by the
processor's multiply-adds. Blocking as in Goto and van de Geijn 2008.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.lines import copy_line
from kernels.cpu.micro_kernel import EVEN, TALL
from kernels.cpu.micro_kernel_prefetch import high_fetching, steps_fetching, tall_fetching
from kernels.cpu.vector import LINE, lanes, lanes_of, move

FEW = 128
"""Rows of a, at most."""
TERMS = 1024
"""Terms of a^T's panels at a time: so many stay in the L2 cache while W's rows are read."""
PACKED_LINES = 8
"""Lines of each of W's rows that are packed at a time."""
AT_ONCE = 64
"""Rows of b for which the sums are read and written once."""


def supports(problem: Problem) -> bool:
    """At most FEW rows, and at least those of the smallest tile."""
    M, N, K = problem.geometry
    return EVEN // 2 <= M <= FEW and min(M, N, K) >= 1


def nanoseconds(problem: Problem) -> float:
    """b at 3 elements a nanosecond, multiply-adds at 110, with rows rounded up to whole vectors."""
    M, N, K = problem.geometry
    return float(max(N * K / 3, -(-M // 16) * 16 * N * K / 110) + M * (N + K) + 2e4)


@kernel(
    "matmul",
    name="few_rows",
    accuracy=Accuracy(bound=lambda shape: shape[2] + 1),
    cost=Cost(nanoseconds),
    abilities=Abilities(supports=supports),
)
def matmul(
    a: np.ndarray, b: np.ndarray, shape: tuple[int, int, int], *, bias: np.ndarray | None = None
) -> np.ndarray:
    """a (M,K), b (K,N), bias (N,) -> (M,N); `shape` is (M, N, K); accumulates in their type."""
    out, parts = memory.empty(shape[:2], a.dtype), threads.get_num_threads()
    if b.flags.c_contiguous:
        transposed = np.ascontiguousarray(a.T)  # (M,K) -> (K,M)
        _add_rows(transposed.reshape(-1), b.reshape(-1), out.reshape(-1), shape, parts)
    else:
        wide = lanes(a.dtype) * (1 if len(a) <= lanes(a.dtype) else 2)
        _multiply_rows(_panels(a, wide).reshape(-1), np.ascontiguousarray(b.T), out, wide, parts)
    return out if bias is None else np.add(out, bias, out=out)


def _panels(a: np.ndarray, wide: int) -> np.ndarray:
    """a (M,K) -> (panels,lines LINE,wide): packed a^T, with zeros up to whole panels."""
    M, K = a.shape
    panels, terms = -(-M // wide), -(-K // LINE) * LINE
    packed = np.zeros((panels, terms, wide), a.dtype)
    for panel in range(panels):
        some = a[panel * wide : (panel + 1) * wide]
        packed[panel, :K, : len(some)] = some.T  # (wide,K) -> (K,wide)
    return packed


@numba.njit(parallel=True, cache=True)
def _multiply_rows(a, rows, out, wide, parts):  # type: ignore[no-untyped-def]
    """out (M,N) = a's panels (panels,terms,wide) with each of `rows` (N,K)."""
    N, K = rows.shape
    M, terms = out.shape[0], (K + LINE - 1) // LINE * LINE
    panels = (M + wide - 1) // wide
    narrow = wide == lanes_of(a)
    mr = 2 * TALL if narrow else TALL
    flat = rows.reshape(-1)  # (N,K) -> (NK,), the same memory
    for part in numba.prange(parts):
        n0, n1 = N * part // parts, N * (part + 1) // parts
        tiles = (n1 - n0 + mr - 1) // mr
        lines = np.zeros(mr * PACKED_LINES * LINE, a.dtype)
        sums = np.empty(panels * tiles * mr * wide, a.dtype)
        for k in range(0, terms, TERMS):
            some = min(TERMS, terms - k) // LINE
            for tile in range(tiles):
                first = n0 + tile * mr
                for line in range(0, some, PACKED_LINES):
                    steps, here = min(PACKED_LINES, some - line), first * K + k + line * LINE
                    _pack_lines(flat, first, min(mr, n1 - first), K, k + line * LINE, steps, mr,
                                lines)  # fmt: skip
                    last = line + PACKED_LINES >= some
                    soon = first * K + k + mr * K if last else here + PACKED_LINES * LINE
                    for panel in range(panels):
                        b = (panel * terms + k + line * LINE) * wide
                        c, add = (panel * tiles + tile) * mr * wide, k + line > 0
                        # (mr,16 steps) x (16 steps,wide) -> (mr,wide)
                        if narrow:
                            high_fetching(lines, a, b, sums, c, steps, add, flat, soon, K)
                        else:
                            tall_fetching(lines, a, b, sums, c, steps, add, flat, soon, K)
        for m in range(M):
            panel, column = m // wide, m % wide
            for n in range(n1 - n0):
                out[m, n0 + n] = sums[(panel * tiles * mr + n) * wide + column]


@numba.njit(cache=True)
def _pack_lines(rows, first, count, K, k, lines, mr, packed):  # type: ignore[no-untyped-def]  # fmt: skip
    """packed (lines,mr,LINE) = terms from k on of `count` rows (K,), 0 after the last."""
    if k + lines * LINE <= K:
        for t in range(count):
            start = (first + t) * K + k
            for line in range(lines):
                copy_line(rows, start + line * LINE, packed, (line * mr + t) * LINE, LINE)
        return
    for t in range(count):
        for e in range(lines * LINE):
            to = (e // LINE * mr + t) * LINE + e % LINE
            packed[to] = rows[(first + t) * K + k + e] if k + e < K else 0


@numba.njit(parallel=True, cache=True)
def _add_rows(a, b, out, shape, parts):  # type: ignore[no-untyped-def]
    """out (M,N) = the transpose of a (K,M), times b (K,N); all flat."""
    M, N, K = shape
    wide, groups = 3 * lanes_of(b), (M + EVEN - 1) // EVEN
    panels = (N + wide - 1) // wide
    for part in numba.prange(parts):
        p0, p1 = panels * part // parts, panels * (part + 1) // parts
        sums, packed = np.empty((p1 - p0) * M * wide, b.dtype), np.zeros(AT_ONCE * wide, b.dtype)
        for k in range(0, K, AT_ONCE):
            some = min(AT_ONCE, K - k)
            for panel in range(p0, p1):
                n, soon = panel * wide, k * N + (panel + 1) * wide
                if panel + 1 == p1:
                    soon = (k + AT_ONCE) * N + p0 * wide
                _pack_columns(b, k * N + n, some, N, min(wide, N - n), wide, packed)
                for group in range(groups):
                    m, last = M * group // groups, M * (group + 1) // groups
                    c = ((panel - p0) * M + m) * wide
                    # (rows,some) x (some,3L) -> (rows,3L)
                    steps_fetching(last - m, a, k * M + m, M, packed, sums, c, some, k > 0,
                                   b, soon, N if group == 0 else 0)  # fmt: skip
        for panel in range(p0, p1):
            for m in range(M):
                at, to = ((panel - p0) * M + m) * wide, m * N + panel * wide
                for e in range(min(wide, N - panel * wide)):
                    out[to + e] = sums[at + e]


@numba.njit(cache=True)
def _pack_columns(b, at, rows, step, count, wide, packed):  # type: ignore[no-untyped-def]
    """packed (rows,wide) = `count` columns from element `at` on. In b their rows may all map to the
    same cache sets."""
    lanes = lanes_of(b)
    for k in range(rows):
        start, to = at + k * step, k * wide
        if count == wide:
            for e in range(0, wide, lanes):
                move(b, start + e, packed, to + e)
        else:
            for e in range(count):
                packed[to + e] = b[start + e]
