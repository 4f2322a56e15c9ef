"""The weights' gradient by Winograd's algorithm along rows: for few channels, as in a first layer.

    gw = G^T [sum over tiles of (B^T d) o (A gy)]

The transpose of `conv2d/winograd_1d.py` in w: the tiles, points and strips of the forward pass, and
as many products. For each strip a thread transforms the pixels; then, a panel of filters at a time,
gy, which is read once, and adds their products at every point to sums of its own: a run of 4 to 8
terms times two or three vectors of filters stay in registers while the strip's tiles go by
(`outer_steps` in `kernels/cpu/micro_kernel.py`). The sums are added in the order of the threads and
become taps, so the same number of threads gives the same bits. Limited by the processor's
multiply-adds.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.contract.costs import up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.cpu.combine import combine
from kernels.cpu.direct import without_products
from kernels.cpu.lines import copy_line
from kernels.cpu.micro_kernel import EVEN, outer_steps_2, outer_steps_3
from kernels.cpu.padded import padded
from kernels.cpu.vector import LINE, fetch, lanes, lanes_of
from kernels.winograd.one_dimensional import (
    TILES,
    apart,
    room,
    strips,
    supports,
    told,
    transform_strip,
    work,
)
from kernels.winograd.operations import of_rows_wgrad
from kernels.winograd.toom_cook import MOST, filter_matrix, output_matrix, turned

_t = combine(turned({m: output_matrix(m) for m in TILES.values()}))


@lru_cache
def _matrix(taps: int) -> np.ndarray:
    """G (MOST,taps)."""
    return np.array(filter_matrix(taps), float)


def amplified_roundings(g: ConvGeometry) -> float:
    """As of the forward pass, with a sum over tiles, and over threads, for that over terms."""
    s = strips(g)
    return s.amplification * (g.N * g.P * s.tiles + threads.get_num_threads() + 3 * MOST + 3)


@kernel(
    "conv2d_wgrad",
    name="winograd_1d",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: strips(g).amplification,
        spreads="plane",
    ),
    cost=Cost(
        lambda problem: work(problem.geometry), "conv2d_wgrad winograd_1d", operations=of_rows_wgrad
    ),
    abilities=Abilities(supports=lambda problem: supports(problem.geometry), chunked=True),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    s = strips(g)
    pixels, places = padded(memory.nhwc(x), g, room(g))
    three, two = (vectors * lanes(x.dtype) for vectors in (3, 2))
    wide = three if up(g.K, three) <= up(g.K, two) else two
    sums = memory.empty((threads.get_num_threads(), MOST, g.R * s.run, up(g.K, wide)), x.dtype)
    sums[...] = 0
    _shares(pixels, places, np.array(s.starts), told(g), memory.nhwc(gy), sums.reshape(-1),
            len(sums), wide, apart(s.rows * s.tiles * wide))  # fmt: skip
    _total(sums, _matrix(s.taps).astype(x.dtype), told(g), memory.nhwc(gw))
    return gw


@numba.njit(parallel=True, cache=True)
def _shares(x, places, starts, told, gy, sums, parts, wide, each_y):  # type: ignore[no-untyped-def]
    """sums (parts,MOST,R run,panels wide), flat: each thread's over its share of the strips."""
    N, P, Q, K = gy.shape
    first, image, down, row = places
    tiles, run, rows, each = told[2], told[3], told[4], told[5]
    flat = gy.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    of_image, panels = (P + rows - 1) // rows, (K + wide - 1) // wide
    for part in numba.prange(parts):
        V, Y = np.zeros(MOST * each, x.dtype), np.empty(MOST * each_y, x.dtype)
        pixels = np.zeros(MOST * wide, x.dtype)
        to = part * MOST * starts.size * run * panels * wide
        for strip in range(N * of_image * part // parts, N * of_image * (part + 1) // parts):
            n, p = strip // of_image, strip % of_image * rows
            count = min(rows, P - p)
            transform_strip(x, first + n * image + p * down, row, count, told, V)
            for panel in range(panels):
                k = panel * wide
                at = (n * P + p) * Q * K + k
                _transform_gradient(flat, at, count, Q, K, min(wide, K - k), told, wide, pixels, Y,
                                    each_y)  # fmt: skip
                soon = at + wide if panel + 1 < panels else at - k + count * Q * K
                _accumulate(V, starts, Y, each_y, told, count * tiles, wide, sums, to + k,
                            panels * wide, flat, soon, count * Q, K)  # fmt: skip


@numba.njit(cache=True)
def _transform_gradient(gy, at, count, Q, K, filters, told, wide, pixels, Y, each_y):  # type: ignore[no-untyped-def]  # fmt: skip
    """Y (MOST,tiles of the strip,wide) = A gy of one panel of filters, 0 where there is none."""
    m, tiles = told[1], told[2]
    lanes = lanes_of(gy)
    for row in range(count):
        for tile in range(tiles):
            source, to = at + (row * Q + tile * m) * K, (row * tiles + tile) * wide
            some = min(m, Q - tile * m)
            whole = some == m and filters == wide
            if not whole:
                pixels[:] = 0
                for i in range(some):
                    copy_line(gy, source + i * K, pixels, i * wide, filters)
            for ahead in range(0, wide, lanes):  # (MOST,m) x (m,L)
                if whole:
                    _t(m, gy, source + ahead, K, Y, to + ahead, each_y)
                else:
                    _t(m, pixels, ahead, wide, Y, to + ahead, each_y)


@numba.njit(cache=True)
def _accumulate(V, starts, Y, each_y, told, terms, wide, sums, to, sums_row, gy, soon, pixels, K):  # type: ignore[no-untyped-def]  # fmt: skip
    """Add to the sums of every point and row of taps: (run,tiles) x (tiles,wide).

    Meanwhile the next panel of `pixels` of gy is fetched, from `soon` on, some at a time.
    """
    run, each, R = told[3], told[5], starts.size
    cuts, three = (run + EVEN - 1) // EVEN, wide == 3 * lanes_of(V)
    for turn in range(MOST * R):
        p, r = turn // R, turn % R
        for pixel in range(pixels * turn // (MOST * R), pixels * (turn + 1) // (MOST * R)):
            for e in range(0, wide, LINE):
                fetch(gy, soon + pixel * K + e)
        for cut in range(cuts):
            e, end = run * cut // cuts, run * (cut + 1) // cuts
            a, c = p * each + starts[r] + e, to + (turn * run + e) * sums_row
            if three:
                outer_steps_3(end - e, V, a, run, Y, p * each_y, wide, sums, c, sums_row, terms, 0,
                              True, False)  # fmt: skip
            else:
                outer_steps_2(end - e, V, a, run, Y, p * each_y, wide, sums, c, sums_row, terms, 0,
                              True, False)  # fmt: skip


@numba.njit(cache=True)
def _total(sums, G, told, gw):  # type: ignore[no-untyped-def]
    """gw (K,R,S,C) = G^T of the threads' sums (parts,MOST,R run,panels wide), in their order."""
    run, across = told[3], told[9]
    K, R, S, C = gw.shape
    flat = gw.reshape(-1)  # (K,R,S,C) -> (KRSC,), the same memory
    for part in range(1, len(sums)):
        for p in range(MOST):
            sums[0, p] += sums[part, p]
    for r in range(R):
        for e in range(S * C):
            term, j = r * run + e % across, e // across
            for k in range(K):
                total = sums[0, 0, term, k] * G[0, j]
                for p in range(1, MOST):
                    total += sums[0, p, term, k] * G[p, j]
                flat[(k * R + r) * S * C + e] = total
