"""The passes of a Winograd convolution over tiles, each over all the tiles of a chunk.

    V[p] (T,C) = B^T d B    U[p] (C,K) = G w G^T    M[p] (T,K) = V[p] U[p]    y = A^T M A

at each of up to 8 x 8 points p. Operands are packed for the micro-kernels of `outer.py`: in panels
of some channels, a panel's rows after each other. Where the tiles, the phases and the rows lie is
told by `winograd_plan.py`; here are the loops. Transforms take one vector of channels at a time
through both axes; its up to 64 values stay in cache between them.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.cpu.combine import combine
from kernels.cpu.direct import finish
from kernels.cpu.micro_kernel import TALL, next_panel, outer_rows
from kernels.cpu.non_temporal import fence, past_caches
from kernels.cpu.vector import LINE, fetch, lanes_of, move
from kernels.winograd.layout import (
    BAND_RANK,
    BANDS,
    BEGINS,
    CHANNELS,
    COLUMN_COUNT,
    COLUMN_RANK,
    COLUMNS,
    FILLED,
    FIRST,
    IMAGE,
    LINES,
    MOST_TAPS,
    OUT,
    PHASES,
    ROWS,
    SQUARE,
    STEPS,
    TILES,
    WIDE,
    four,
    point,
    row_of_tile,
    sized,
    square,
    table,
    uses,
)
from kernels.winograd.toom_cook import MOST, input_family, output_family

_b = combine(input_family())
_b_scattered = combine(input_family(), scatter=True)
_a = combine(output_family())
_a_gathered = combine(output_family(), gather=True)


@numba.njit(cache=True)
def _copy_tile(flat, image, n, h0, w0, steps, n1, n2, c0, channels, wide, tile):  # type: ignore[no-untyped-def]  # fmt: skip
    """tile (n1,n2,wide) = pixels of x (N,H,W,C), 0 outside of the plane and its channels.

    Most tiles of a small plane reach over its border: whole panels are moved as vectors.
    """
    H, W, C = image[1], image[2], image[3]
    lanes = lanes_of(tile)
    for i in range(n1):
        h = h0 + i * steps[0]
        for j in range(n2):
            w = w0 + j * steps[1]
            at, start = (i * n2 + j) * wide, ((n * H + h) * W + w) * C + c0
            inside = channels if 0 <= h < H and 0 <= w < W else 0
            if inside == wide:
                for ahead in range(0, wide, lanes):
                    move(flat, start + ahead, tile, at + ahead)
            else:
                for c in range(wide):
                    tile[at + c] = flat[start + c] if c < inside else 0


@numba.njit(cache=True)
def _input_panel(n1, n2, source, at, across, down, wide, half, V, places, stream, m):  # type: ignore[no-untyped-def]  # fmt: skip
    """B^T d B of a tile's panel of `wide` channels, to where places (n1,n2) says.

    Meanwhile those pixels of the next tile are fetched, `m` columns further, that are not this
    one's.
    """
    lanes = lanes_of(V)
    for ahead in range(0, wide, lanes):
        for j in range(n2):  # (n1,n1) x (n1,n2) -> half (n1,n2)
            _b(n1, source, at + ahead + j * across, down, half, j * lanes, n2 * lanes)
            if j + m >= n2:
                for i in range(n1):
                    fetch(source, at + ahead + (j + m) * across + i * down)
        for i in range(n1):  # (n1,n2) x (n2,n2)
            _b_scattered(n2, half, i * n2 * lanes, lanes, V, ahead, places, i, stream)


@numba.njit(parallel=True, cache=True)
def transform_input(flat, layout, V, parts):  # type: ignore[no-untyped-def]
    """V = B^T d B of every tile of the chunk, d from `flat`, the memory of x (N,H,W,C).

    V[p] lies at begins[p] as (panels,rows[p],WIDE), the panels of its phases one after the other.
    """
    for part in numba.prange(parts):
        _input_tiles(flat, layout, V, np.int64(part), parts)
        _fill_up(layout, V, np.int64(part), parts)


@numba.njit(cache=True)
def _input_tiles(flat, layout, V, part, parts):  # type: ignore[no-untyped-def]
    """One thread's share of the tiles."""
    image = _, H, W, C = four(layout, IMAGE)
    c0, channels, _, _ = four(layout, CHANNELS)
    first, bands = table(layout, FIRST)[0, 0], table(layout, BANDS)[0]
    tiles, columns = table(layout, TILES), table(layout, COLUMNS)
    band_rank, count = table(layout, BAND_RANK), table(layout, COLUMN_COUNT)[0]
    column_rank, most = table(layout, COLUMN_RANK), table(layout, MOST_TAPS)[0]
    phases, lines, steps = table(layout, PHASES), table(layout, LINES), table(layout, STEPS)[0]
    begins, rows = table(layout, BEGINS)[0], table(layout, ROWS)[0]
    wide, stream = table(layout, WIDE)[0, 0], past_caches(V)
    panels, lanes = (channels + wide - 1) // wide, lanes_of(flat)
    pixels, half = np.empty(SQUARE * wide, flat.dtype), np.empty(SQUARE * lanes, flat.dtype)
    ranks, here = np.empty(SQUARE, np.int64), np.empty(SQUARE, np.int64)
    places, further = np.empty((MOST, MOST), np.int64), np.empty((MOST, MOST), np.int64)
    every = bands.size * len(columns)
    for tile in range(every * part // parts, every * (part + 1) // parts):
        b, t = tile // len(columns), tile % len(columns)
        n, row = (first + b) // len(tiles), bands[b]
        u, m1, v, m2 = tiles[row, 0], tiles[row, 1], columns[t, 0], columns[t, 1]
        row_of_tile(band_rank, count, column_rank, b, t, ranks)
        for f in range(len(phases)):
            n1, n2 = m1 + phases[f, 0] - 1, m2 + phases[f, 1] - 1
            h0, w0 = steps[0] * u + phases[f, 2], steps[1] * v + phases[f, 3]
            inside = (h0 >= 0 and h0 + (n1 - 1) * steps[0] < H
                      and w0 >= 0 and w0 + (n2 - 1) * steps[1] < W)  # fmt: skip
            for p in range(SQUARE):
                here[p] = begins[p] + (lines[f, p] * panels * rows[p] + ranks[p]) * wide
            for i in range(n1):
                for j in range(n2):
                    p = square(i, j, n1, n2)
                    places[i, j], further[i, j] = here[p], rows[p] * wide
            for panel in range(panels):
                c = panel * wide
                if inside and c + wide <= channels:
                    at = ((n * H + h0) * W + w0) * C + c0 + c
                    _input_panel(n1, n2, flat, at, steps[1] * C, steps[0] * W * C, wide, half, V,
                                 places, stream, m2)  # fmt: skip
                else:
                    some = min(wide, channels - c)
                    _copy_tile(flat, image, n, h0, w0, steps, n1, n2, c0 + c, some, wide, pixels)
                    _input_panel(n1, n2, pixels, 0, wide, n2 * wide, wide, half, V, places,
                                 stream, 0)  # fmt: skip
                for i in range(n1):
                    for j in range(n2):
                        places[i, j] += further[i, j]
            all1, all2 = m1 + most[0] - 1, m2 + most[1] - 1
            if n1 < all1 or n2 < all2:
                _clear(V, here, lines, f, rows, panels, wide, n1, n2, all1, all2)
    fence()


@numba.njit(cache=True)
def _fill_up(layout, V, part, parts):  # type: ignore[no-untyped-def]
    """0 in a thread's share of the rows that belong to no tile.

    They are multiplied with the others, for nothing, but of what happened to stand there numbers
    near 0 would take a hundred times as long.
    """
    _, channels, _, _ = four(layout, CHANNELS)
    filled, rows, begins = (
        table(layout, FILLED)[0],
        table(layout, ROWS)[0],
        table(layout, BEGINS)[0],
    )
    lines, wide = table(layout, LINES), table(layout, WIDE)[0, 0]
    panels = (channels + wide - 1) // wide
    for p in range(part, SQUARE, parts):
        for panel in range((lines[:, p].max() + 1) * panels):
            first = begins[p] + (panel * rows[p] + filled[p]) * wide
            for e in range(first, first + (rows[p] - filled[p]) * wide):
                V[e] = 0


@numba.njit(cache=True)
def _clear(V, here, lines, f, rows, panels, wide, n1, n2, all1, all2):  # type: ignore[no-untyped-def]
    """0 at the points that the tile has and its phase f, with fewer taps, has not."""
    for i in range(all1):
        for j in range(all2):
            gi, gj = point(i, all1), point(j, all2)
            p = gi * MOST + gj
            if lines[f, p] >= 0 and not (uses(gi, n1) and uses(gj, n2)):
                for panel in range(panels):
                    at = here[p] + panel * rows[p] * wide
                    for c in range(wide):
                        V[at + c] = 0


@numba.njit(parallel=True, cache=True)
def multiply(V, v_begins, U, u_begins, M, m_begins, rows, lines, units, bounds):  # type: ignore[no-untyped-def]  # fmt: skip
    """M[p] = V[p] U[p]: (rows,16 lines) x (16 lines,panels 2L) -> (panels,rows,2L).

    Thread t takes the units, each a point and a panel, from bounds[t] on: about the same work.
    """
    wide = 2 * lanes_of(V)
    for part in numba.prange(bounds.size - 1):
        for unit in range(bounds[part], bounds[part + 1]):
            p, panel = units[unit, 0], units[unit, 1]
            b = u_begins[p] + panel * lines[p] * LINE * wide
            c = m_begins[p] + panel * rows[p] * wide
            for row in range(0, rows[p], TALL):
                ahead = next_panel(lines[p] * LINE * wide, LINE * wide, row // TALL)
                some, a = min(TALL, rows[p] - row), v_begins[p] + row * LINE
                outer_rows(some, V, a, rows[p] * LINE, U, b,
                           M, c + row * wide, wide, lines[p], 0, False, ahead)  # fmt: skip


@numba.njit(parallel=True, cache=True)
def transform_output(M, flat, bias, rectify, layout, parts):  # type: ignore[no-untyped-def]
    """y = A^T M A + bias of every tile of the chunk, to `flat`, the memory of y (N,P,Q,K).

    M[p] lies at begins[p] as (out phases panels,rows[p],2L).
    """
    for part in numba.prange(parts):
        _output_tiles(M, flat, bias, rectify, layout, np.int64(part), parts)


@numba.njit(cache=True)
def _output_tiles(M, flat, bias, rectify, layout, part, parts):  # type: ignore[no-untyped-def]
    """One thread's share of the tiles."""
    _, P, Q, K = four(layout, IMAGE)
    _, _, k0, filters = four(layout, CHANNELS)
    first, bands = table(layout, FIRST)[0, 0], table(layout, BANDS)[0]
    tiles, columns, out = table(layout, TILES), table(layout, COLUMNS), table(layout, OUT)
    band_rank, count = table(layout, BAND_RANK), table(layout, COLUMN_COUNT)[0]
    column_rank, most = table(layout, COLUMN_RANK), table(layout, MOST_TAPS)[0]
    begins, rows, steps = table(layout, BEGINS)[0], table(layout, ROWS)[0], table(layout, STEPS)[0]
    lanes = lanes_of(M)
    wide = 2 * lanes
    panels = (filters + wide - 1) // wide
    half, result = np.empty(SQUARE * lanes, M.dtype), np.empty(SQUARE * wide, M.dtype)
    ranks = np.empty(SQUARE, np.int64)
    places, further = np.empty((MOST, MOST), np.int64), np.empty((MOST, MOST), np.int64)
    every = bands.size * len(columns)
    for tile in range(every * part // parts, every * (part + 1) // parts):
        b, t = tile // len(columns), tile % len(columns)
        n, row = (first + b) // len(tiles), bands[b]
        u, m1, v, m2 = tiles[row, 0], tiles[row, 1], columns[t, 0], columns[t, 1]
        row_of_tile(band_rank, count, column_rank, b, t, ranks)
        n1, n2 = m1 + most[0] - 1, m2 + most[1] - 1
        row_places(begins, rows, ranks, wide, n1, n2, places, further)
        for panel in range(len(out) * panels):
            q, k = panel // panels, panel % panels * wide
            at = ((n * P + steps[2] * u + out[q, 0]) * Q + steps[3] * v + out[q, 1]) * K + k0 + k
            for ahead in range(0, wide, lanes):
                for j in range(n2):  # (m1,n1) x (n1,n2) -> half (m1,n2)
                    _a_gathered(sized(m1, n1), M, ahead, places, half, j * lanes, n2 * lanes, j)
                    if j < m2:  # where results go is fetched meanwhile
                        for i in range(m1):
                            fetch(flat, at + (i * steps[2] * Q + j * steps[3]) * K + ahead)
                for i in range(m1):  # (m1,n2) x (n2,m2) -> result (m1,m2,wide)
                    _a(sized(m2, n2), half, i * n2 * lanes, lanes, result, ahead + i * m2 * wide,
                       wide)  # fmt: skip
            for j in range(n2):
                for i in range(n1):
                    places[j, i] += further[j, i]
            for i in range(m1):
                h = steps[2] * (u + i) + out[q, 0]
                for j in range(m2):
                    w = steps[3] * (v + j) + out[q, 1]
                    if 0 <= h < P and 0 <= w < Q:
                        to = ((n * P + h) * Q + w) * K + k0 + k
                        finish(result, (i * m2 + j) * wide, bias, k0 + k, rectify, flat, to,
                               min(wide, filters - k))  # fmt: skip


@numba.njit(cache=True)
def row_places(begins, rows, ranks, wide, n1, n2, places, further):  # type: ignore[no-untyped-def]
    """places[j, i]: where a tile's row of the first panel begins at product (i, j) of n1 by n2,
    and how much further that of the next."""
    for i in range(n1):
        for j in range(n2):
            p = square(i, j, n1, n2)
            places[j, i], further[j, i] = begins[p] + ranks[p] * wide, rows[p] * wide
