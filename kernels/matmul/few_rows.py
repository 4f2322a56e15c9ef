"""Matrix product of up to 128 rows with a large matrix, which is read once, in memory order.

    out (M,N) = a (M,K) b (K,N) [+ bias, one value per column]

A linear layer multiplies each of its weights by few images, so a separate pass that packs all
weights, as BLAS has it, does not pay. Each thread has a share of the columns of out; a stays in its
cache:

    x W^T, b the transpose of a row-major matrix: 128 terms of 12 or 24 of W's rows (6 or 12 with 16
           registers) are packed into lines in the L1 cache, and multiplied by the panels of a^T
           (`outer_packed_prefetch`, `outer_packed_prefetch_2`)
    gy W,  b row-major: of some of b's rows at a time, 3 vectors of columns are packed contiguously,
           multiplied by up to 8 rows of a, and added to sums that stay in the L2 cache
           (`outer_strided_prefetch`)

Between the products the next lines of b are prefetched (`kernels/cpu/micro_kernel_prefetch.py`).
2 M N K operations; limited by reading the K N elements of b up to some 20 rows, above by the
processor's multiply-adds. Blocking as in Goto and van de Geijn 2008.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import pieces
from kernels.cpu.lines import copy_run
from kernels.cpu.micro_kernel import MR, MR_T
from kernels.cpu.micro_kernel_prefetch import (
    outer_packed_prefetch,
    outer_packed_prefetch_2,
    outer_strided_prefetch,
)
from kernels.cpu.vector import KR, lanes, lanes_of, move

FEW = 128
"""Rows of a, at most."""
TERMS = 1024
"""Terms of a^T's panels at a time: so many stay in the L2 cache while W's rows are read."""
PACKED_LINES = 8
"""Lines of each of W's rows that are packed at a time."""
COLUMNS = 2048
"""Columns of b that a thread reads at a time, at least: rows are long runs of memory."""
AT_ONCE = 64
"""Rows of b for which the sums are read and written once."""


def supports(problem: Problem) -> bool:
    """At most FEW rows, and at least those of the smallest tile."""
    M, N, K = problem.geometry
    return MR_T // 2 <= M <= FEW and min(M, N, K) >= 1


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
    out = memory.empty(shape[:2], a.dtype)
    if b.flags.c_contiguous:
        transposed = np.ascontiguousarray(a.T)  # (M,K) -> (K,M)
        _add_rows(transposed.reshape(-1), b.reshape(-1), out.reshape(-1), shape,
                  pieces(shape[1], COLUMNS))  # fmt: skip
    else:
        NR = lanes(a.dtype) * (1 if len(a) <= lanes(a.dtype) else 2)
        _multiply_rows(_panels(a, NR).reshape(-1), np.ascontiguousarray(b.T), out, NR,
                       pieces(shape[1], 2 * MR))  # fmt: skip
    return out if bias is None else np.add(out, bias, out=out)


def _panels(a: np.ndarray, NR: int) -> np.ndarray:
    """a (M,K) -> (panels,lines KR,NR): packed a^T, with zeros up to whole panels."""
    M, K = a.shape
    panels, terms = -(-M // NR), -(-K // KR) * KR
    packed = np.zeros((panels, terms, NR), a.dtype)
    for panel in range(panels):
        some = a[panel * NR : (panel + 1) * NR]
        packed[panel, :K, : len(some)] = some.T  # (NR,K) -> (K,NR)
    return packed


@entry_point(parallel=True)
def _multiply_rows(a, rows, out, NR, parts):  # type: ignore[no-untyped-def]
    """out (M,N) = a's panels (panels,terms,NR) with each of `rows` (N,K)."""
    N, K = rows.shape
    M, terms = out.shape[0], (K + KR - 1) // KR * KR
    panels = (M + NR - 1) // NR
    narrow = lanes_of(a) == NR
    mr = 2 * MR if narrow else MR
    all_tiles = (N + mr - 1) // mr
    flat = rows.reshape(-1)  # (N,K) -> (NK,), the same memory
    for part in numba.prange(parts):
        t0, t1 = all_tiles * part // parts, all_tiles * (part + 1) // parts
        n0, n1, tiles = t0 * mr, min(N, t1 * mr), t1 - t0
        lines = np.zeros(mr * PACKED_LINES * KR, a.dtype)
        sums = np.empty(panels * tiles * mr * NR, a.dtype)
        for k in range(0, terms, TERMS):
            some = min(TERMS, terms - k) // KR
            for tile in range(tiles):
                first = n0 + tile * mr
                for line in range(0, some, PACKED_LINES):
                    steps, here = min(PACKED_LINES, some - line), first * K + k + line * KR
                    _pack_lines(flat, first, min(mr, n1 - first), K, k + line * KR, steps, mr,
                                lines)  # fmt: skip
                    last = line + PACKED_LINES >= some
                    upcoming = first * K + k + mr * K if last else here + PACKED_LINES * KR
                    for panel in range(panels):
                        b = (panel * terms + k + line * KR) * NR
                        c, add = (panel * tiles + tile) * mr * NR, k + line > 0
                        # (mr,16 steps) x (16 steps,NR) -> (mr,NR)
                        if narrow:
                            outer_packed_prefetch_2(
                                lines, a, b, sums, c, steps, add, flat, upcoming, K
                            )
                        else:
                            outer_packed_prefetch(
                                lines, a, b, sums, c, steps, add, flat, upcoming, K
                            )
        for m in range(M):
            panel, column = m // NR, m % NR
            for n in range(n1 - n0):
                out[m, n0 + n] = sums[(panel * tiles * mr + n) * NR + column]


@subroutine
def _pack_lines(rows, first, count, K, k, lines, mr, packed):  # type: ignore[no-untyped-def]  # fmt: skip
    """packed (lines,mr,KR) = terms from k on of `count` rows (K,), 0 after the last."""
    if k + lines * KR <= K:
        for t in range(count):
            start = (first + t) * K + k
            for line in range(lines):
                copy_run(rows, start + line * KR, packed, (line * mr + t) * KR, KR)
        return
    for t in range(count):
        for e in range(lines * KR):
            to = (e // KR * mr + t) * KR + e % KR
            packed[to] = rows[(first + t) * K + k + e] if k + e < K else 0


@entry_point(parallel=True)
def _add_rows(a, b, out, shape, parts):  # type: ignore[no-untyped-def]
    """out (M,N) = the transpose of a (K,M), times b (K,N); all flat."""
    M, N, K = shape
    NR, groups = 3 * lanes_of(b), (M + MR_T - 1) // MR_T
    panels = (N + NR - 1) // NR
    for part in numba.prange(parts):
        p0, p1 = panels * part // parts, panels * (part + 1) // parts
        sums, packed = np.empty((p1 - p0) * M * NR, b.dtype), np.zeros(AT_ONCE * NR, b.dtype)
        for k in range(0, K, AT_ONCE):
            some = min(AT_ONCE, K - k)
            for panel in range(p0, p1):
                n, upcoming = panel * NR, k * N + (panel + 1) * NR
                if panel + 1 == p1:
                    upcoming = (k + AT_ONCE) * N + p0 * NR
                _pack_columns(b, k * N + n, some, N, min(NR, N - n), NR, packed)
                for group in range(groups):
                    m, last = M * group // groups, M * (group + 1) // groups
                    c = ((panel - p0) * M + m) * NR
                    # (rows,some) x (some,3L) -> (rows,3L)
                    outer_strided_prefetch(last - m, a, k * M + m, M, packed, sums, c, some, k > 0,
                                   b, upcoming, N if group == 0 else 0)  # fmt: skip
        for panel in range(p0, p1):
            for m in range(M):
                at, to = ((panel - p0) * M + m) * NR, m * N + panel * NR
                for e in range(min(NR, N - panel * NR)):
                    out[to + e] = sums[at + e]


@subroutine
def _pack_columns(b, at, rows, step, count, NR, packed):  # type: ignore[no-untyped-def]
    """packed (rows,NR) = `count` columns from element `at` on. In b their rows may all map to the
    same cache sets."""
    lanes = lanes_of(b)
    for k in range(rows):
        start, to = at + k * step, k * NR
        if count == NR:
            for e in range(0, NR, lanes):
                move(b, start + e, packed, to + e)
        else:
            for e in range(count):
                packed[to + e] = b[start + e]
