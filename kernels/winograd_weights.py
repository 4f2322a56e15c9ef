"""The passes of a weights' gradient by Winograd tiles: gy's transform, the sums, the way back.

    Y[p] (T,K) = A gy A^T    W[p] (C,K) += V[p]^T Y[p]    gw = G^T W G

V is the input's transform of `winograd_passes.py`, whose arrangement of tiles, points and panels
this file shares. Each matrix here is the transpose of one there.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.combine import combine
from kernels.streaming import fence, past_caches
from kernels.toom_cook import MOST, filter_matrix, output_matrix, transposed
from kernels.vector import EVEN, LINE, MACHINE, outer_even
from kernels.winograd_layout import (
    BAND_RANK,
    BANDS,
    BEGINS,
    CHANNELS,
    COLUMN_COUNT,
    COLUMN_RANK,
    COLUMNS,
    DEPTHS,
    FIRST,
    IMAGE,
    LINES,
    MOST_TAPS,
    PHASES,
    ROWS,
    SQUARE,
    TAPS,
    TILES,
    four,
    row_of_tile,
    table,
)
from kernels.winograd_passes import row_places

WIDTH = MACHINE.width

_t1, _t2, _t3, _t4, _t5 = (combine(transposed(output_matrix(m))) for m in range(1, 6))
_t1s, _t2s, _t3s, _t4s, _t5s = (
    combine(transposed(output_matrix(m)), scatter=True) for m in range(1, 6)
)
_h1g, _h2g, _h3g, _h4g, _h5g = (
    combine(transposed(filter_matrix(r)), gather=True) for r in range(1, 6)
)
_h1, _h2, _h3, _h4, _h5 = (combine(transposed(filter_matrix(r))) for r in range(1, 6))


@numba.njit(cache=True)
def _gradient_rows(m, count, source, at, across, down, to, lanes):  # type: ignore[no-untyped-def]
    """A along the first axis of `count` columns of m: to (MOST,count,lanes)."""
    for j in range(count):
        here = at + j * across
        if m == 4:
            _t4(source, here, down, to, j * lanes, count * lanes)
        elif m == 3:
            _t3(source, here, down, to, j * lanes, count * lanes)
        elif m == 2:
            _t2(source, here, down, to, j * lanes, count * lanes)
        elif m == 1:
            _t1(source, here, down, to, j * lanes, count * lanes)
        else:
            _t5(source, here, down, to, j * lanes, count * lanes)


@numba.njit(cache=True)
def _gradient_columns(m, source, to, at, places, lanes, stream):  # type: ignore[no-untyped-def]
    """A along the second axis of MOST rows of m, to where `places` (MOST,MOST) says."""
    for i in range(MOST):
        if m == 4:
            _t4s(source, i * m * lanes, lanes, to, at, places, i, stream)
        elif m == 3:
            _t3s(source, i * m * lanes, lanes, to, at, places, i, stream)
        elif m == 2:
            _t2s(source, i * m * lanes, lanes, to, at, places, i, stream)
        elif m == 1:
            _t1s(source, i * m * lanes, lanes, to, at, places, i, stream)
        else:
            _t5s(source, i * m * lanes, lanes, to, at, places, i, stream)


@numba.njit(cache=True)
def _gradient_line(m1, m2, source, at, across, down, half, Y, places, stream):  # type: ignore[no-untyped-def]  # fmt: skip
    """A gy A^T of a panel of a tile's filters."""
    lanes = WIDTH // Y.itemsize
    for ahead in range(0, 3 * lanes, lanes):
        _gradient_rows(m1, m2, source, at + ahead, across, down, half, lanes)
        _gradient_columns(m2, half, Y, ahead, places, lanes, stream)


@numba.njit(parallel=True, cache=True)
def transform_gradient(flat, layout, Y, parts):  # type: ignore[no-untyped-def]
    """Y = A gy A^T of every tile of the chunk, gy from `flat`, the memory of gy (N,P,Q,K).

    Y[p] lies at begins[p] as (panels,rows[p],3L), before all of them a place for what no tile
    needs.
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
    lanes = WIDTH // flat.itemsize
    wide, stream = 3 * lanes, past_caches(Y)
    pixels, half = np.empty(SQUARE * wide, flat.dtype), np.empty(SQUARE * lanes, flat.dtype)
    ranks = np.empty(SQUARE, np.int64)
    turned, places = np.empty((MOST, MOST), np.int64), np.empty((MOST, MOST), np.int64)
    further = np.empty((MOST, MOST), np.int64)
    every = bands.size * len(columns)
    for tile in range(every * part // parts, every * (part + 1) // parts):
        b, t = tile // len(columns), tile % len(columns)
        n, row = (first + b) // len(tiles), bands[b]
        u, m1, v, m2 = tiles[row, 0], tiles[row, 1], columns[t, 0], columns[t, 1]
        row_of_tile(band_rank, count, column_rank, b, t, ranks)
        row_places(begins, rows, ranks, wide, m1 + most[0] - 1, m2 + most[1] - 1, turned, further)
        for panel in range((filters + wide - 1) // wide):
            k = panel * wide
            for i in range(MOST):
                for j in range(MOST):
                    places[i, j] = turned[j, i] + panel * further[j, i]
            at = ((n * P + u) * Q + v) * K + k0 + k
            if k + wide <= filters:
                _gradient_line(m1, m2, flat, at, K, Q * K, half, Y, places, stream)
                continue
            for i in range(m1):
                for j in range(m2):
                    for c in range(wide):
                        value = flat[at + (i * Q + j) * K + c] if k + c < filters else 0
                        pixels[(i * m2 + j) * wide + c] = value
            _gradient_line(m1, m2, pixels, 0, wide, m2 * wide, half, Y, places, stream)
    fence()


@numba.njit(parallel=True, cache=True)
def accumulate(V, v_begins, Y, y_begins, W, w_begins, rows, lines, panels, bounds, add):  # type: ignore[no-untyped-def]  # fmt: skip
    """W[p] = V[p]^T Y[p], or added: (16 lines,rows) x (rows,panels 3L) -> (panels,16 lines,3L).

    Thread t takes the units (p panel) from bounds[t] on.
    """
    wide = 3 * (WIDTH // V.itemsize)
    for part in numba.prange(bounds.size - 1):
        for unit in range(bounds[part], bounds[part + 1]):
            p, panel = unit // panels, unit % panels
            count = rows[p]
            b = y_begins[p] + panel * count * wide
            c = w_begins[p] + panel * lines[p] * LINE * wide
            for line in range(lines[p]):
                a = v_begins[p] + line * count * LINE
                for channel in range(0, LINE, EVEN):
                    outer_even(V, a + channel, LINE * LINE, Y, b, W,
                               c + (line * LINE + channel) * wide, wide, count // LINE,
                               count % LINE, add)  # fmt: skip


@numba.njit(cache=True)
def _weight_rows(r, source, at, places, to, lanes):  # type: ignore[no-untyped-def]
    """G^T along the first axis of all columns: to (r,MOST,lanes)."""
    for j in range(MOST):
        if r == 3:
            _h3g(source, at, places, to, j * lanes, MOST * lanes, j)
        elif r == 2:
            _h2g(source, at, places, to, j * lanes, MOST * lanes, j)
        elif r == 1:
            _h1g(source, at, places, to, j * lanes, MOST * lanes, j)
        elif r == 4:
            _h4g(source, at, places, to, j * lanes, MOST * lanes, j)
        else:
            _h5g(source, at, places, to, j * lanes, MOST * lanes, j)


@numba.njit(cache=True)
def _weight_columns(r, count, source, lanes, to, at, plane):  # type: ignore[no-untyped-def]
    """G^T along the second axis of `count` rows: to (count,r,plane) from element `at` on."""
    for i in range(count):
        here, there = i * MOST * lanes, at + i * r * plane
        if r == 3:
            _h3(source, here, lanes, to, there, plane)
        elif r == 2:
            _h2(source, here, lanes, to, there, plane)
        elif r == 1:
            _h1(source, here, lanes, to, there, plane)
        elif r == 4:
            _h4(source, here, lanes, to, there, plane)
        else:
            _h5(source, here, lanes, to, there, plane)


@numba.njit(parallel=True, cache=True)
def transform_weights(W, layout, gw):  # type: ignore[no-untyped-def]
    """gw (K,R,S,C) = G^T W G for the group's filters, each phase to the taps that are its own.

    W[p] lies at begins[p] as (panels,lines,LINE,3L), before all of them are LINE 3L zeros.
    """
    _, channels, _, filters = four(layout, CHANNELS)
    wide = 3 * (WIDTH // W.itemsize)
    panels, in_panels = (filters + wide - 1) // wide, (channels + LINE - 1) // LINE
    for unit in numba.prange(panels * in_panels):
        panel, in_panel = divmod(np.int64(unit), in_panels)
        _weight_panel(W, layout, gw, panel, in_panel, in_panels)


@numba.njit(cache=True)
def _weight_panel(W, layout, gw, panel, in_panel, in_panels):  # type: ignore[no-untyped-def]
    """The taps between a panel of filters and one of channels."""
    _, channels, k0, filters = four(layout, CHANNELS)
    phases, lines, all_taps = table(layout, PHASES), table(layout, LINES), table(layout, TAPS)
    depths, begins = table(layout, DEPTHS)[0], table(layout, BEGINS)[0]
    lanes = WIDTH // W.itemsize
    wide = 3 * lanes
    plane = LINE * wide
    block, half = np.empty(SQUARE * plane, W.dtype), np.empty(SQUARE * lanes, W.dtype)
    places = np.empty((MOST, MOST), np.int64)
    k, c = panel * wide, in_panel * LINE
    for f in range(len(phases)):
        r1, r2, taps = phases[f, 0], phases[f, 1], all_taps[f]
        for p in range(SQUARE):
            line = panel * depths[p] + lines[f, p] * in_panels + in_panel
            here = begins[p] + line * plane
            places[p % MOST, p // MOST] = here if lines[f, p] >= 0 else 0
        for ahead in range(0, plane, lanes):
            _weight_rows(r1, W, ahead, places, half, lanes)
            _weight_columns(r2, r1, half, lanes, block, ahead, plane)
        for do in range(min(wide, filters - k)):
            for a in range(r1):
                for b in range(r2):
                    r, s, at = taps[a], taps[MOST + b], (a * r2 + b) * plane
                    for dc in range(min(LINE, channels - c)):
                        gw[k0 + k + do, r, s, c + dc] = block[at + dc * wide + do]
