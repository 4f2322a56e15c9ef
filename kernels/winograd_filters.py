"""The filters of a Winograd convolution: U[p] (C,K) = G w G^T, packed for products.

U is 36 / 9 times as large as 3x3 filters w. Where it is kept, or serves many tiles, it is written
once (`transform_filter`) and multiplied by (`winograd_passes.multiply`). For one image or a few,
writing and reading it would take longer than the products: then each thread transforms as much of
w as its cache holds and multiplies by it at once (`multiply_once`), the sums in the same order.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.combine import combine
from kernels.streaming import fence, past_caches
from kernels.toom_cook import MOST, filter_matrix
from kernels.vector import LINE, MACHINE, TALL, outer_tall
from kernels.winograd_layout import (
    BEGINS,
    CHANNELS,
    DEPTHS,
    LINES,
    PHASES,
    SQUARE,
    STRIDES,
    TAPS,
    four,
    table,
)

WIDTH = MACHINE.width
AT_ONCE = 4
"""Panels of inputs whose filters are transformed, then used, where that is done only once."""

_g1, _g2, _g3, _g4, _g5 = (combine(filter_matrix(r)) for r in range(1, 6))
_g1s, _g2s, _g3s, _g4s, _g5s = (combine(filter_matrix(r), scatter=True) for r in range(1, 6))


@numba.njit(cache=True)
def _filter_rows(r, count, source, at, across, down, to, lanes):  # type: ignore[no-untyped-def]
    """G along the first axis of `count` columns of taps: to (MOST,count,lanes)."""
    for j in range(count):
        here = at + j * across
        if r == 3:
            _g3(source, here, down, to, j * lanes, count * lanes)
        elif r == 2:
            _g2(source, here, down, to, j * lanes, count * lanes)
        elif r == 1:
            _g1(source, here, down, to, j * lanes, count * lanes)
        elif r == 4:
            _g4(source, here, down, to, j * lanes, count * lanes)
        else:
            _g5(source, here, down, to, j * lanes, count * lanes)


@numba.njit(cache=True)
def _filter_columns(r, source, to, at, places, lanes, stream):  # type: ignore[no-untyped-def]
    """G along the second axis of MOST rows of r, to where `places` (MOST,MOST) says."""
    for i in range(MOST):
        if r == 3:
            _g3s(source, i * r * lanes, lanes, to, at, places, i, stream)
        elif r == 2:
            _g2s(source, i * r * lanes, lanes, to, at, places, i, stream)
        elif r == 1:
            _g1s(source, i * r * lanes, lanes, to, at, places, i, stream)
        elif r == 4:
            _g4s(source, i * r * lanes, lanes, to, at, places, i, stream)
        else:
            _g5s(source, i * r * lanes, lanes, to, at, places, i, stream)


@numba.njit(parallel=True, cache=True)
def transform_filter(w, layout, U, parts):  # type: ignore[no-untyped-def]
    """U = G w G^T of the filters' taps that each pair of phases has, w flat.

    A tap of output channel o and input channel i lies at `o STRIDES[0] + i STRIDES[1] + row
    STRIDES[2] + column STRIDES[3]`. U[p] lies at begins[p] as (out phases panels,lines,LINE,2L),
    before all of them a place for what no phase needs.
    """
    for part in numba.prange(parts):
        _filter_share(w, layout.copy(), U, np.int64(part), parts)


@numba.njit(cache=True)
def _filter_share(w, layout, U, part, parts):  # type: ignore[no-untyped-def]
    """One thread's share of the panels."""
    panels, in_panels = _panels(layout, w.itemsize)
    begins, depths, lines = table(layout, BEGINS)[0], table(layout, DEPTHS)[0], table(layout, LINES)
    plane, here = LINE * 2 * (WIDTH // w.itemsize), np.empty(SQUARE, np.int64)
    block, half = np.zeros(SQUARE * plane, w.dtype), np.empty(SQUARE * LINE, w.dtype)
    units, stream = panels * in_panels, past_caches(U)
    for unit in range(units * part // parts, units * (part + 1) // parts):
        panel, in_panel = unit // in_panels, unit % in_panels
        for f in range(len(lines)):
            for p in range(SQUARE):
                line = panel * depths[p] + lines[f, p] * in_panels + in_panel
                here[p] = begins[p] + line * plane if lines[f, p] >= 0 else 0
            _filter_panel(w, layout, f, panel, in_panel, U, here, block, half, stream)
    fence()


@numba.njit(cache=True)
def _panels(layout, itemsize):  # type: ignore[no-untyped-def]
    """Panels of outputs, of all their phases, and of inputs."""
    _, inputs, _, outputs = four(layout, CHANNELS)
    wide, phases = 2 * (WIDTH // itemsize), table(layout, TAPS).shape[1] // (2 * MOST)
    return phases * ((outputs + wide - 1) // wide), (inputs + LINE - 1) // LINE


@numba.njit(cache=True)
def _filter_panel(w, layout, f, out_panel, in_panel, U, here, block, half, stream):  # type: ignore[no-untyped-def]  # fmt: skip
    """Phase f of a panel of inputs, for a panel of outputs of one phase: (LINE,2L) from here[p] on.

    Where outputs lie side by side in w and the panels are whole, taps are read where they are; else
    they are copied to `block` first.
    """
    _, inputs, _, outputs = four(layout, CHANNELS)
    phases, strides = table(layout, PHASES), table(layout, STRIDES)[0]
    lanes = WIDTH // w.itemsize
    wide = 2 * lanes
    plane, panels = LINE * wide, (outputs + wide - 1) // wide
    places = here.reshape((MOST, MOST))  # (36,) -> (6,6)
    q, o, i = out_panel // panels, out_panel % panels * wide, in_panel * LINE
    r1, r2 = phases[f, 0], phases[f, 1]
    taps = table(layout, TAPS)[f, q * 2 * MOST : (q + 1) * 2 * MOST]
    whole = strides[0] == 1 and i + LINE <= inputs and o + wide <= outputs
    if not whole or min(taps[:r1]) < 0 or min(taps[MOST : MOST + r2]) < 0:
        _copy_taps(w, strides, taps, r1, r2, o, min(wide, outputs - o), i, min(LINE, inputs - i),
                   wide, block)  # fmt: skip
        for ahead in range(0, plane, lanes):
            _filter_rows(r1, r2, block, ahead, plane, r2 * plane, half, lanes)
            _filter_columns(r2, half, U, ahead, places, lanes, stream)
        return
    # A phase's neighbouring taps are all the same number of taps of w apart.
    down = (taps[1] - taps[0]) * strides[2] if r1 > 1 else 0
    across = (taps[MOST + 1] - taps[MOST]) * strides[3] if r2 > 1 else 0
    start = o + i * strides[1] + taps[0] * strides[2] + taps[MOST] * strides[3]
    for dc in range(LINE):
        for ahead in range(0, wide, lanes):
            _filter_rows(r1, r2, w, start + ahead, across, down, half, lanes)
            _filter_columns(r2, half, U, dc * wide + ahead, places, lanes, stream)
        start += strides[1]


@numba.njit(cache=True)
def _copy_taps(w, strides, taps, r1, r2, o, outputs, i, inputs, wide, block):  # type: ignore[no-untyped-def]  # fmt: skip
    """block (r1,r2,LINE,2L) = some channels' taps, 0 where the filter has none."""
    plane = LINE * wide
    for a in range(r1):
        for b in range(r2):
            to, row, column = (a * r2 + b) * plane, taps[a], taps[MOST + b]
            if row < 0 or column < 0:
                for e in range(plane):
                    block[to + e] = 0
                continue
            tap = row * strides[2] + column * strides[3] + o * strides[0] + i * strides[1]
            if strides[0] == 1:
                for dc in range(inputs):
                    for do in range(outputs):
                        block[to + dc * wide + do] = w[tap + dc * strides[1] + do]
            else:  # along the memory of w, in which one stride is 1
                for do in range(outputs):
                    for dc in range(inputs):
                        block[to + dc * wide + do] = w[tap + do * strides[0] + dc * strides[1]]


@numba.njit(parallel=True, cache=True)
def multiply_once(V, v_begins, w, layout, M, m_begins, rows, parts):  # type: ignore[no-untyped-def]  # fmt: skip
    """M[p] = V[p] U[p] as `multiply` does it, of filters that are transformed as they are needed.

    Each thread has a share of the panels of outputs; of AT_ONCE panels of inputs it transforms the
    filters for one of them and adds their products, then for the next.
    """
    for part in numba.prange(parts):
        _multiply_share(V, v_begins, w, layout.copy(), M, m_begins, rows, np.int64(part), parts)


@numba.njit(cache=True)
def _multiply_share(V, v_begins, w, layout, M, m_begins, rows, part, parts):  # type: ignore[no-untyped-def]  # fmt: skip
    """One thread's share of the panels of outputs; sums in the order of `multiply`."""
    panels, in_panels = _panels(layout, w.itemsize)
    wide, lines = 2 * (WIDTH // w.itemsize), table(layout, LINES)
    plane, here = LINE * wide, np.empty(SQUARE, np.int64)
    block, half = np.zeros(SQUARE * plane, w.dtype), np.empty(SQUARE * LINE, w.dtype)
    # A line more from point to point: else all their filters would fall on a few sets of a cache.
    each = AT_ONCE * plane + LINE
    U = np.empty((SQUARE + 1) * each, w.dtype)
    for f in range(len(lines)):
        for i in range(0, in_panels, AT_ONCE):
            count = min(AT_ONCE, in_panels - i)
            for panel in range(panels * part // parts, panels * (part + 1) // parts):
                for line in range(count):
                    for p in range(SQUARE):
                        here[p] = (p + 1) * each + line * plane if lines[f, p] >= 0 else 0
                    _filter_panel(w, layout, f, panel, i + line, U, here, block, half, False)
                for p in range(SQUARE):
                    if lines[f, p] >= 0:
                        line = lines[f, p] * in_panels + i
                        a = v_begins[p] + line * rows[p] * LINE
                        c = m_begins[p] + panel * rows[p] * wide
                        for row in range(0, rows[p], TALL):
                            outer_tall(V, a + row * LINE, rows[p] * LINE, U, (p + 1) * each,
                                       M, c + row * wide, wide, count, 0, line > 0)  # fmt: skip
