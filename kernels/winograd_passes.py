"""The passes of a Winograd convolution over tiles, each over all the tiles of a chunk.

    V[p] (T,C) = B^T d B    U[p] (C,K) = G w G^T    M[p] (T,K) = V[p] U[p]    y = A^T M A

at each of 36 points p. Operands are packed for the micro-kernels of `vector.py`: in panels of some
channels, a panel's rows after each other. Where the tiles, the phases and the rows lie is told by
`winograd_plan.py`; here are the loops. Transforms take one vector of channels at a time through
both axes; its up to 36 values stay in cache between them.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.direct import finish
from kernels.toom_cook import MOST, filter_matrix, input_matrix, output_matrix
from kernels.vector import LINE, MACHINE, TALL, combine, outer_tall

WIDTH = MACHINE.width

_b2, _b3, _b4, _b5, _b6 = (combine(input_matrix(n)) for n in range(2, 7))
_b2s, _b3s, _b4s, _b5s, _b6s = (combine(input_matrix(n), scatter=True) for n in range(2, 7))
_a1g, _a2g, _a3g, _a4g, _a5g = (combine(output_matrix(m), gather=True) for m in range(1, 6))
_a1, _a2, _a3, _a4, _a5 = (combine(output_matrix(m)) for m in range(1, 6))
_g1, _g2, _g3, _g4, _g5 = (combine(filter_matrix(r)) for r in range(1, 6))
_g1s, _g2s, _g3s, _g4s, _g5s = (combine(filter_matrix(r), scatter=True) for r in range(1, 6))


@numba.njit(cache=True)
def _copy_tile(x, n, h0, w0, steps, tall, wide, c0, channels, tile):  # type: ignore[no-untyped-def]
    """tile (tall wide LINE) = pixels of x (N,H,W,C), 0 outside of the plane and its channels."""
    _, H, W, _ = x.shape
    for i in range(tall):
        h = h0 + i * steps[0]
        for j in range(wide):
            w = w0 + j * steps[1]
            at = (i * wide + j) * LINE
            if 0 <= h < H and 0 <= w < W:
                for c in range(channels):
                    tile[at + c] = x[n, h, w, c0 + c]
                for c in range(channels, LINE):
                    tile[at + c] = 0
            else:
                for c in range(LINE):
                    tile[at + c] = 0


@numba.njit(cache=True)
def _input_rows(n, count, source, at, across, down, to, lanes):  # type: ignore[no-untyped-def]
    """B^T along the first axis of `count` columns: to (n,count,lanes)."""
    if n == 6:
        for j in range(count):
            _b6(source, at + j * across, down, to, j * lanes, count * lanes)
    elif n == 5:
        for j in range(count):
            _b5(source, at + j * across, down, to, j * lanes, count * lanes)
    elif n == 4:
        for j in range(count):
            _b4(source, at + j * across, down, to, j * lanes, count * lanes)
    elif n == 3:
        for j in range(count):
            _b3(source, at + j * across, down, to, j * lanes, count * lanes)
    else:
        for j in range(count):
            _b2(source, at + j * across, down, to, j * lanes, count * lanes)


@numba.njit(cache=True)
def _input_columns(n, count, source, to, at, places, lanes):  # type: ignore[no-untyped-def]
    """B^T along the second axis of `count` rows of n, to where `places` (MOST,MOST) says."""
    if n == 6:
        for i in range(count):
            _b6s(source, i * n * lanes, lanes, to, at, places[i])
    elif n == 5:
        for i in range(count):
            _b5s(source, i * n * lanes, lanes, to, at, places[i])
    elif n == 4:
        for i in range(count):
            _b4s(source, i * n * lanes, lanes, to, at, places[i])
    elif n == 3:
        for i in range(count):
            _b3s(source, i * n * lanes, lanes, to, at, places[i])
    else:
        for i in range(count):
            _b2s(source, i * n * lanes, lanes, to, at, places[i])


@numba.njit(parallel=True, cache=True)
def transform_input(x, flat, c0, channels, first, row_tiles, column_tiles, bands, band_rank,
                    column_rank, column_count, most, phases, steps, lines, rows, begins, V,
                    parts):  # type: ignore[no-untyped-def]  # fmt: skip
    """V = B^T d B of every tile of the chunk.

    x (N,H,W,C), `flat` the same memory; V[p] lies at begins[p] as (lines,rows[p],LINE).
    """
    _, H, W, C = x.shape
    lanes = WIDTH // x.itemsize
    panels = (channels + LINE - 1) // LINE
    tiles = bands.size * len(column_tiles)
    for part in numba.prange(parts):
        pixels, half = np.empty(MOST * MOST * LINE, x.dtype), np.empty(MOST * MOST * LINE, x.dtype)
        places = np.empty((MOST, MOST), np.int64)
        for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
            b, t = tile // len(column_tiles), tile % len(column_tiles)
            n = (first + b) // len(row_tiles)
            u, m1 = row_tiles[bands[b], 0], row_tiles[bands[b], 1]
            v, m2 = column_tiles[t, 0], column_tiles[t, 1]
            for f in range(len(phases)):
                n1, n2 = m1 + phases[f, 0] - 1, m2 + phases[f, 1] - 1
                h0, w0 = steps[0] * u + phases[f, 2], steps[1] * v + phases[f, 3]
                inside = (h0 >= 0 and h0 + (n1 - 1) * steps[0] < H
                          and w0 >= 0 and w0 + (n2 - 1) * steps[1] < W)  # fmt: skip
                for panel in range(panels):
                    c = panel * LINE
                    for i in range(n1):
                        gi = i if i < n1 - 1 else MOST - 1
                        for j in range(n2):
                            gj = j if j < n2 - 1 else MOST - 1
                            p = gi * MOST + gj
                            row = band_rank[b, gi] * column_count[gj] + column_rank[t, gj]
                            line = lines[f, p] * panels + panel
                            places[i, j] = begins[p] + (line * rows[p] + row) * LINE
                    if inside and c + LINE <= channels:
                        source = flat
                        at = ((n * H + h0) * W + w0) * C + c0 + c
                        down, across = steps[0] * W * C, steps[1] * C
                    else:
                        source = pixels
                        at, down, across = 0, n2 * LINE, LINE
                        _copy_tile(x, n, h0, w0, steps, n1, n2, c0 + c, min(LINE, channels - c),
                                   pixels)  # fmt: skip
                    for ahead in range(0, LINE, lanes):
                        _input_rows(n1, n2, source, at + ahead, across, down, half, lanes)
                        _input_columns(n2, n1, half, V, ahead, places, lanes)
                    all1, all2 = m1 + most[0] - 1, m2 + most[1] - 1
                    if n1 < all1 or n2 < all2:
                        _clear(V, f, panel, panels, n1, n2, all1, all2, b, t, band_rank,
                               column_rank, column_count, lines, rows, begins)  # fmt: skip


@numba.njit(cache=True)
def _clear(V, f, panel, panels, n1, n2, all1, all2, b, t, band_rank, column_rank, column_count,
           lines, rows, begins):  # type: ignore[no-untyped-def]  # fmt: skip
    """0 at the points that the tile has and its phase f, with fewer taps, has not."""
    for i in range(all1):
        gi = i if i < all1 - 1 else MOST - 1
        for j in range(all2):
            gj = j if j < all2 - 1 else MOST - 1
            p = gi * MOST + gj
            has = (gi < n1 - 1 or gi == MOST - 1) and (gj < n2 - 1 or gj == MOST - 1)
            if not has and lines[f, p] >= 0:
                row = band_rank[b, gi] * column_count[gj] + column_rank[t, gj]
                at = begins[p] + ((lines[f, p] * panels + panel) * rows[p] + row) * LINE
                V[at : at + LINE] = 0


@numba.njit(parallel=True, cache=True)
def multiply(V, v_begins, U, u_begins, M, m_begins, rows, lines, panels, bounds):  # type: ignore[no-untyped-def]  # fmt: skip
    """M[p] = V[p] U[p]: (rows,16 lines) x (16 lines,panels 2L) -> (panels,rows,2L).

    Thread t takes the units (p panel) from bounds[t] on, all of them about the same work.
    """
    wide = 2 * (WIDTH // V.itemsize)
    for part in numba.prange(bounds.size - 1):
        for unit in range(bounds[part], bounds[part + 1]):
            p, panel = unit // panels, unit % panels
            b = u_begins[p] + panel * lines[p] * LINE * wide
            c = m_begins[p] + panel * rows[p] * wide
            for row in range(0, rows[p], TALL):
                outer_tall(V, v_begins[p] + row * LINE, rows[p] * LINE, U, b,
                           M, c + row * wide, wide, lines[p], 0, False)  # fmt: skip


@numba.njit(cache=True)
def _output_rows(m, source, at, places, to, lanes):  # type: ignore[no-untyped-def]
    """A^T along the first axis of all columns, 0 where there is no product: to (m,MOST,lanes)."""
    if m == 4:
        for j in range(MOST):
            _a4g(source, at, places[j], to, j * lanes, MOST * lanes)
    elif m == 3:
        for j in range(MOST):
            _a3g(source, at, places[j], to, j * lanes, MOST * lanes)
    elif m == 2:
        for j in range(MOST):
            _a2g(source, at, places[j], to, j * lanes, MOST * lanes)
    elif m == 1:
        for j in range(MOST):
            _a1g(source, at, places[j], to, j * lanes, MOST * lanes)
    else:
        for j in range(MOST):
            _a5g(source, at, places[j], to, j * lanes, MOST * lanes)


@numba.njit(cache=True)
def _output_columns(m, count, source, lanes, to, at, wide):  # type: ignore[no-untyped-def]
    """A^T along the second axis of `count` rows: to (count,m,wide) from element `at` on."""
    if m == 4:
        for i in range(count):
            _a4(source, i * MOST * lanes, lanes, to, at + i * m * wide, wide)
    elif m == 3:
        for i in range(count):
            _a3(source, i * MOST * lanes, lanes, to, at + i * m * wide, wide)
    elif m == 2:
        for i in range(count):
            _a2(source, i * MOST * lanes, lanes, to, at + i * m * wide, wide)
    elif m == 1:
        for i in range(count):
            _a1(source, i * MOST * lanes, lanes, to, at + i * m * wide, wide)
    else:
        for i in range(count):
            _a5(source, i * MOST * lanes, lanes, to, at + i * m * wide, wide)


@numba.njit(parallel=True, cache=True)
def transform_output(M, y, k0, filters, bias, rectify, first, row_tiles, column_tiles, bands,
                     band_rank, column_rank, column_count, most, out, steps, rows, begins,
                     panels, parts):  # type: ignore[no-untyped-def]  # fmt: skip
    """y (N,P,Q,K) from channel k0 on = A^T M A + bias, every tile of the chunk.

    M[p] lies at begins[p] as (out phases panels,rows[p],2L); before all of them are 2L zeros.
    """
    _, P, Q, K = y.shape
    flat = y.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    lanes = WIDTH // M.itemsize
    wide = 2 * lanes
    tiles = bands.size * len(column_tiles)
    for part in numba.prange(parts):
        half = np.empty(MOST * MOST * lanes, M.dtype)
        result = np.empty(MOST * MOST * wide, M.dtype)
        starts, strides = np.empty((MOST, MOST), np.int64), np.empty((MOST, MOST), np.int64)
        places = np.empty((MOST, MOST), np.int64)
        for tile in range(tiles * part // parts, tiles * (part + 1) // parts):
            b, t = tile // len(column_tiles), tile % len(column_tiles)
            n = (first + b) // len(row_tiles)
            u, m1 = row_tiles[bands[b], 0], row_tiles[bands[b], 1]
            v, m2 = column_tiles[t, 0], column_tiles[t, 1]
            n1, n2 = m1 + most[0] - 1, m2 + most[1] - 1
            for j in range(MOST):
                for i in range(MOST):
                    p = i * MOST + j
                    has = (i < n1 - 1 or i == MOST - 1) and (j < n2 - 1 or j == MOST - 1)
                    row = band_rank[b, i] * column_count[j] + column_rank[t, j]
                    starts[j, i] = begins[p] + row * wide if has else 0
                    strides[j, i] = rows[p] * wide if has else 0
            for q in range(len(out)):
                for panel in range(panels):
                    for j in range(MOST):
                        for i in range(MOST):
                            places[j, i] = starts[j, i] + (q * panels + panel) * strides[j, i]
                    for ahead in range(0, wide, lanes):
                        _output_rows(m1, M, ahead, places, half, lanes)
                        _output_columns(m2, m1, half, lanes, result, ahead, wide)
                    k = panel * wide
                    some = min(wide, filters - k)
                    for i in range(m1):
                        h = steps[2] * (u + i) + out[q, 0]
                        if 0 <= h < P:
                            for j in range(m2):
                                w = steps[3] * (v + j) + out[q, 1]
                                if 0 <= w < Q:
                                    to = ((n * P + h) * Q + w) * K + k0 + k
                                    finish(result, (i * m2 + j) * wide, bias, k0 + k, rectify,
                                           flat, to, some)  # fmt: skip


@numba.njit(cache=True)
def _filter_rows(r, count, source, to, lanes, wide):  # type: ignore[no-untyped-def]
    """G along the first axis of `count` columns of taps: to (MOST,count,lanes)."""
    for j in range(count):
        down, at = count * wide, j * wide
        if r == 3:
            _g3(source, at, down, to, j * lanes, count * lanes)
        elif r == 2:
            _g2(source, at, down, to, j * lanes, count * lanes)
        elif r == 1:
            _g1(source, at, down, to, j * lanes, count * lanes)
        elif r == 4:
            _g4(source, at, down, to, j * lanes, count * lanes)
        else:
            _g5(source, at, down, to, j * lanes, count * lanes)


@numba.njit(cache=True)
def _filter_columns(r, source, to, at, places, lanes):  # type: ignore[no-untyped-def]
    """G along the second axis of MOST rows of r, to where `places` (MOST,MOST) says."""
    for i in range(MOST):
        if r == 3:
            _g3s(source, i * r * lanes, lanes, to, at, places[i])
        elif r == 2:
            _g2s(source, i * r * lanes, lanes, to, at, places[i])
        elif r == 1:
            _g1s(source, i * r * lanes, lanes, to, at, places[i])
        elif r == 4:
            _g4s(source, i * r * lanes, lanes, to, at, places[i])
        else:
            _g5s(source, i * r * lanes, lanes, to, at, places[i])


@numba.njit(parallel=True, cache=True)
def transform_filter(w, outputs, inputs, o_step, i_step, row_step, column_step, phases, taps,
                     lines, phases_at, begins, U):  # type: ignore[no-untyped-def]  # fmt: skip
    """U = G w G^T of the filters' taps that each pair of phases has.

    w is flat; a tap of output channel o and input channel i lies at `o o_step + i i_step + row
    row_step + column column_step`. U[p] lies at begins[p] as (out phases panels,lines,LINE,2L),
    before all of them a place for what no phase needs.
    """
    lanes = WIDTH // w.itemsize
    wide = 2 * lanes
    panels, in_panels = (outputs + wide - 1) // wide, (inputs + LINE - 1) // LINE
    plane = LINE * wide
    out = taps.shape[1]
    for unit in numba.prange(out * panels * in_panels):
        q, rest = unit // (panels * in_panels), unit % (panels * in_panels)
        panel, in_panel = rest // in_panels, rest % in_panels
        block, half = np.zeros(MOST * MOST * plane, w.dtype), np.empty(MOST * MOST * lanes, w.dtype)
        places = np.empty((MOST, MOST), np.int64)
        o, i = panel * wide, in_panel * LINE
        for f in range(len(phases)):
            r1, r2 = phases[f, 0], phases[f, 1]
            for a in range(r1):
                for b in range(r2):
                    at = (a * r2 + b) * plane
                    row, column = taps[f, q, 0, a], taps[f, q, 1, b]
                    if row < 0 or column < 0:
                        block[at : at + plane] = 0
                        continue
                    for dc in range(min(LINE, inputs - i)):
                        start = row * row_step + column * column_step + (i + dc) * i_step
                        for do in range(min(wide, outputs - o)):
                            block[at + dc * wide + do] = w[start + (o + do) * o_step]
            for p in range(MOST * MOST):
                if lines[f, p] < 0:
                    places[p // MOST, p % MOST] = 0
                else:
                    depth = phases_at[p] * in_panels
                    line = lines[f, p] * in_panels + in_panel
                    places[p // MOST, p % MOST] = (
                        begins[p] + ((q * panels + panel) * depth + line) * plane
                    )
            for ahead in range(0, plane, lanes):
                _filter_rows(r1, r2, block[ahead:], half, lanes, plane)
                _filter_columns(r2, half, U, ahead, places, lanes)
