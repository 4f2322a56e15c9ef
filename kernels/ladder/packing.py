"""Packing: blocks of both operands copied into the order in which the micro-kernel reads them.

    for rows in blocks of MC rows of y:                          A block (MC,C): second cache
        for r, s:                                                KC = C terms, one tap at a time
            pack the pixels that the rows meet at tap (r,s)
            for panel in panels of NR filters:                   B panel (C,NR): first cache
                for tile in the block's tiles of MR rows:
                    y tile += A tile (MR,C) x B panel (C,NR)     micro-kernel

Blocks that fit a cache are read from it many times, and a packed block is read contiguously: every
cache line is used in full, few pages are touched, and the hardware prefetcher predicts the next
line (Goto, van de Geijn 2008; MC, KC, NC as in BLIS: Van Zee, van de Geijn, 2015). A tile of A
holds 16 terms of row 0, then of row 1, ..., so packing copies runs of 16 channels, and the
micro-kernel finds all MR rows at constant distances from one address:

    A tile:   [C/16][MR][16]        B panel:   [C][NR]        filters:   [R][S][K/NR][C][NR]

Filters are packed once for a network. The windows are packed block by block and tap by tap, so the
matrix of all columns is never written.

Operations: 2 N K P Q C R S. Bytes: each block of MC rows reads all filters, (N P Q / MC) 4 R S C K
in all, from the last-level cache. Limited by: the latency of loading panels of filters from there.

Run it alone: python -m kernels.ladder packing
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.extending import intrinsic

from kernels.contract import memory
from kernels.cpu.vector import Emitter, pointer
from kernels.ladder.register_block import MR, NR, VECTORS, outer_product, zero_sums
from kernels.ladder.step import Filters, Step, padded, rounded_up, taps_first, unpadded

REMOVES = "misses: operands far apart, and 25 MB of columns that pass through the caches"

RUN = 16
"""Terms of a row that are contiguous in a tile of A: a cache line."""
MC = 72
"""Rows of a block of A: with 256 channels it takes 74 KB of the second-level cache."""
UNROLL = 4


def _micro_kernel(typingctx, a, a_at, b, b_at, y, y_at, y_row, runs, add):  # type: ignore[no-untyped-def]  # fmt: skip
    """y (MR,NR) = (or, with `add`, +=) a tile b panel, both packed, of 16 `runs` terms."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        a, b, y = (pointer(emit, context, sig, args, i) for i in (0, 2, 4))
        y_row, runs, add = args[6:]
        sums = zero_sums(emit)
        with cgutils.for_range(builder, runs) as run:
            tile = emit.at(a, builder.mul(run.index, ir.IntType(64)(MR * RUN)))
            panel = emit.at(b, builder.mul(run.index, ir.IntType(64)(RUN * NR)))
            packed_run(emit, sums, tile, panel)
        write_sums(emit, sums, y, y_row, add)
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(a, i64, b, i64, y, i64, i64, i64, types.boolean), generate


micro_kernel: Any = intrinsic(_micro_kernel)


def packed_run(emit: Emitter, sums: list[ir.Value], tile: ir.Value, panel: ir.Value) -> None:
    """The outer products of 16 terms, in a loop unrolled by four."""
    builder, number = emit.builder, ir.IntType(64)
    with cgutils.for_range(builder, number(RUN // UNROLL)) as some:
        a = emit.at(tile, builder.mul(some.index, number(UNROLL)))
        b = emit.at(panel, builder.mul(some.index, number(UNROLL * NR)))
        for t in range(UNROLL):
            rows = [emit.at(a, m * RUN + t) for m in range(MR)]
            outer_product(emit, sums, rows, emit.at(b, t * NR))


def write_sums(
    emit: Emitter, sums: list[ir.Value], y: ir.Value, y_row: ir.Value, add: ir.Value
) -> None:
    """y (MR,NR) = the sums, or with `add` y and the sums."""
    builder = emit.builder
    rows = [emit.at(y, builder.mul(y_row, ir.IntType(64)(m))) for m in range(MR)]
    places = [emit.at(row, v * emit.lanes) for row in rows for v in range(VECTORS)]
    with builder.if_then(add):
        for place, to in zip(sums, places, strict=True):
            builder.store(builder.fadd(emit.load(to), builder.load(place)), place)
    for place, to in zip(sums, places, strict=True):
        emit.store(builder.load(place), to)


def prepare(w: np.ndarray) -> Filters:
    """w (K,C,R,S) -> (R,S,K'/NR,C',NR): K' whole panels, C' whole runs."""
    K, C, R, S = w.shape
    values = np.zeros((R, S, rounded_up(C, RUN), rounded_up(K, NR)), w.dtype)
    values[:, :, :C, :K] = taps_first(w)
    panels = values.reshape(R, S, -1, values.shape[-1] // NR, NR)  # (R,S,C',K') -> (R,S,C',J,NR)
    # (R,S,C',J,NR) -> (R,S,J,C',NR)
    return Filters(np.ascontiguousarray(panels.transpose(0, 1, 3, 2, 4)), K)


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (R,S,K'/NR,C',NR) -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (R, S, panels, _, _) = pixels.shape, filters.values.shape
    P, Q = H - R + 1, W - S + 1
    rows = memory.empty((rounded_up(N * P * Q, MC), panels * NR), x.dtype)
    _blocks(pixels, filters.values, rows, P, Q)
    return unpadded(rows, (N, filters.K, P, Q))


@numba.njit(cache=True)
def _blocks(x, filters, y, P, Q):  # type: ignore[no-untyped-def]
    R, S, panels, C, _ = filters.shape
    K = panels * NR
    b, flat_y = filters.reshape(-1), y.reshape(-1)  # flat views
    block = np.zeros((MC // MR, C // RUN, MR, RUN), x.dtype)
    a = block.reshape(-1)  # flat view
    for first in range(0, len(y), MC):
        for r in range(R):
            for s in range(S):
                pack_windows(x, block, first, r, s, P, Q)
                add = r + s > 0
                for panel in range(panels):
                    here = ((r * S + s) * panels + panel) * C * NR
                    for tile in range(MC // MR):
                        to = (first + tile * MR) * K + panel * NR
                        micro_kernel(a, tile * MR * C, b, here, flat_y, to, K, C // RUN, add)


@numba.njit(cache=True)
def pack_windows(x, block, first, r, s, P, Q):  # type: ignore[no-untyped-def]
    """The pixels of rows (n p q) from `first` on at tap (r,s) -> block (MC/MR,C'/16,MR,16).

    Elements beyond the last row or the last channel are not written: their products are dropped,
    or are multiplied by zeros.
    """
    tiles, runs, _, _ = block.shape
    N, _, _, C = x.shape
    for tile in range(tiles):
        for m in range(MR):
            row = first + tile * MR + m
            if row < N * P * Q:
                n, p, q = row // (P * Q), row // Q % P, row % Q
                for i in range(runs):
                    if (i + 1) * RUN <= C:
                        for c in range(RUN):
                            block[tile, i, m, c] = x[n, p + r, q + s, i * RUN + c]
                    else:
                        for c in range(C - i * RUN):
                            block[tile, i, m, c] = x[n, p + r, q + s, i * RUN + c]


STEP = Step("packing", REMOVES, prepare, run)
