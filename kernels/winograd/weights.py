"""The passes of a weights' gradient by Winograd tiles: gy's transform, the sums, the way back.

    Y[p] (T,K) = A gy A^T    W[p] (K,C) += Y[p]^T V[p]    gw = G^T W G

V is the input's transform of `winograd_passes.py`, whose arrangement of tiles, points and panels
this file shares. Each matrix here is the transpose of one there.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_line
from kernels.cpu.micro_kernel import EVEN, next_panel, outer_even, outer_even_2
from kernels.cpu.non_temporal import fence, past_caches
from kernels.cpu.vector import LINE, fetch, lanes_of
from kernels.winograd.layout import (
    BAND_RANK,
    BANDS,
    BEGINS,
    CHANNELS,
    COLUMN_COUNT,
    COLUMN_RANK,
    COLUMNS,
    FIRST,
    IMAGE,
    LARGEST,
    LINES,
    MOST_TAPS,
    PHASES,
    ROWS,
    SQUARE,
    TAPS,
    TILES,
    WIDE,
    four,
    row_of_tile,
    sized,
    square,
    table,
)
from kernels.winograd.passes import row_places
from kernels.winograd.toom_cook import MOST, filter_family, output_family, turned

_t = combine(turned(output_family()))
_t_scattered = combine(turned(output_family()), scatter=True)
_h = combine(turned(filter_family()))
_h_gathered = combine(turned(filter_family()), gather=True)


@numba.njit(cache=True)
def _gradient_line(m1, m2, n1, n2, source, at, across, down, half, Y, places, stream):  # type: ignore[no-untyped-def]  # fmt: skip
    """A gy A^T of a line of a tile's filters, to where places (n1,n2) says.

    Meanwhile the next tile's pixels are fetched.
    """
    lanes = lanes_of(Y)
    for ahead in range(0, LINE, lanes):
        for j in range(m2):  # (n1,m1) x (m1,m2) -> half (n1,m2)
            here = at + ahead + j * across
            _t(sized(m1, n1), source, here, down, half, j * lanes, m2 * lanes)
            for i in range(m1):
                fetch(source, here + m2 * across + i * down)
        for i in range(n1):  # (n1,m2) x (m2,n2)
            _t_scattered(sized(m2, n2), half, i * m2 * lanes, lanes, Y, ahead, places, i, stream)


@numba.njit(parallel=True, cache=True)
def transform_gradient(flat, layout, Y, parts):  # type: ignore[no-untyped-def]
    """Y = A gy A^T of every tile of the chunk, gy from `flat`, the memory of gy (N,P,Q,K).

    Y[p] lies at begins[p] as (lines,rows[p],LINE).
    """
    for part in numba.prange(parts):
        _gradient_tiles(flat, layout, Y, np.int64(part), parts)


@numba.njit(cache=True)
def _gradient_tiles(flat, layout, Y, part, parts):  # type: ignore[no-untyped-def]
    """One thread's share of the tiles."""
    _, P, Q, K = four(layout, IMAGE)
    _, _, k0, filters = four(layout, CHANNELS)
    first, bands = table(layout, FIRST)[0, 0], table(layout, BANDS)[0]
    tiles, columns, most = table(layout, TILES), table(layout, COLUMNS), table(layout, MOST_TAPS)[0]
    band_rank, count = table(layout, BAND_RANK), table(layout, COLUMN_COUNT)[0]
    column_rank, begins, rows = (
        table(layout, COLUMN_RANK),
        table(layout, BEGINS)[0],
        table(layout, ROWS)[0],
    )
    lanes = lanes_of(flat)
    pixels, half = np.empty(SQUARE * LINE, flat.dtype), np.empty(SQUARE * lanes, flat.dtype)
    stream = past_caches(Y)
    ranks = np.empty(SQUARE, np.int64)
    starts, places = np.empty((MOST, MOST), np.int64), np.empty((MOST, MOST), np.int64)
    further = np.empty((MOST, MOST), np.int64)
    every = bands.size * len(columns)
    for tile in range(every * part // parts, every * (part + 1) // parts):
        b, t = tile // len(columns), tile % len(columns)
        n, row = (first + b) // len(tiles), bands[b]
        u, m1, v, m2 = tiles[row, 0], tiles[row, 1], columns[t, 0], columns[t, 1]
        row_of_tile(band_rank, count, column_rank, b, t, ranks)
        n1, n2 = m1 + most[0] - 1, m2 + most[1] - 1
        row_places(begins, rows, ranks, LINE, n1, n2, starts, further)
        for line in range((filters + LINE - 1) // LINE):
            k = line * LINE
            for i in range(n1):
                for j in range(n2):
                    places[i, j] = starts[j, i] + line * further[j, i]
            at = ((n * P + u) * Q + v) * K + k0 + k
            if k + LINE <= filters:
                _gradient_line(m1, m2, n1, n2, flat, at, K, Q * K, half, Y, places, stream)
                continue
            for i in range(m1):
                for j in range(m2):
                    for c in range(LINE):
                        value = flat[at + (i * Q + j) * K + c] if k + c < filters else 0
                        pixels[(i * m2 + j) * LINE + c] = value
            _gradient_line(m1, m2, n1, n2, pixels, 0, LINE, m2 * LINE, half, Y, places, stream)
    fence()


@numba.njit(parallel=True, cache=True)
def accumulate(Y, y_begins, V, v_begins, W, w_begins, rows, lines, wide, units, bounds, add):  # type: ignore[no-untyped-def]  # fmt: skip
    """W[p] = Y[p]^T V[p], or added: (16 lines,rows) x (rows,panels wide) -> (panels,16 lines,wide).

    Thread t takes the units, each a point and a panel, from bounds[t] on.
    """
    lanes = lanes_of(V)
    for part in numba.prange(bounds.size - 1):
        for unit in range(bounds[part], bounds[part + 1]):
            p, panel = units[unit, 0], units[unit, 1]
            count = rows[p]
            steps, tail = count // LINE, count % LINE
            b = v_begins[p] + panel * count * wide
            c = w_begins[p] + panel * lines * LINE * wide
            for line in range(lines):
                a = y_begins[p] + line * count * LINE
                for row in range(0, LINE, EVEN):
                    to = c + (line * LINE + row) * wide
                    turn = (line * LINE + row) // EVEN
                    ahead = next_panel(count * wide, LINE * wide, turn)
                    if wide == 3 * lanes:
                        outer_even(Y, a + row, LINE * LINE, V, b, W, to, wide, steps, tail, add,
                                   ahead)  # fmt: skip
                    else:
                        outer_even_2(Y, a + row, LINE * LINE, V, b, W, to, wide, steps, tail, add,
                                     ahead)  # fmt: skip


@numba.njit(parallel=True, cache=True)
def transform_weights(W, layout, gw):  # type: ignore[no-untyped-def]
    """gw (K,R,S,C) = G^T W G for the group's filters, each phase to the taps that are its own.

    W[p] lies at begins[p] as (panels,lines,LINE,WIDE).
    """
    _, channels, _, filters = four(layout, CHANNELS)
    wide = table(layout, WIDE)[0, 0]
    panels, lines = (channels + wide - 1) // wide, (filters + LINE - 1) // LINE
    flat = gw.reshape(-1)  # (K,R,S,C) -> (KRSC,), the same memory
    for unit in numba.prange(panels * lines):
        panel, line = divmod(np.int64(unit), lines)
        _weight_panel(W, layout, flat, gw.shape, panel, line)


@numba.njit(cache=True)
def _weight_panel(W, layout, gw, shape, panel, line):  # type: ignore[no-untyped-def]
    """The taps between a line of filters and a panel of channels."""
    _, channels, k0, filters = four(layout, CHANNELS)
    phases, ordinals, all_taps = table(layout, PHASES), table(layout, LINES), table(layout, TAPS)
    begins, largest = table(layout, BEGINS)[0], table(layout, LARGEST)[0]
    wide, lanes = table(layout, WIDE)[0, 0], lanes_of(W)
    panels, lines = (channels + wide - 1) // wide, (filters + LINE - 1) // LINE
    _, R, S, C = shape
    block, half = np.empty(SQUARE * lanes, W.dtype), np.empty(SQUARE * lanes, W.dtype)
    places = np.empty((MOST, MOST), np.int64)
    k, c = line * LINE, panel * wide
    for f in range(len(phases)):
        r1, r2, taps = phases[f, 0], phases[f, 1], all_taps[f]
        n1, n2 = largest[0] + r1 - 1, largest[1] + r2 - 1
        for i in range(n1):
            for j in range(n2):
                p = square(i, j, n1, n2)
                here = (ordinals[f, p] * panels + panel) * lines + line
                places[j, i] = begins[p] + here * LINE * wide
        for do in range(min(LINE, filters - k)):
            row = (k0 + k + do) * R
            for ahead in range(0, min(wide, channels - c), lanes):
                for j in range(n2):  # (r1,n1) x (n1,n2) -> half (r1,n2)
                    _h_gathered(sized(r1, n1), W, do * wide + ahead, places, half, j * lanes,
                                n2 * lanes, j)  # fmt: skip
                for i in range(r1):  # (r1,n2) x (n2,r2) -> block (r1,r2)
                    _h(sized(r2, n2), half, i * n2 * lanes, lanes, block, i * r2 * lanes, lanes)
                some = min(lanes, channels - c - ahead)
                for i in range(r1):
                    for j in range(r2):
                        to = ((row + taps[i]) * S + taps[MOST + j]) * C + c + ahead
                        copy_line(block, (i * r2 + j) * lanes, gw, to, some)
