"""The filters of a Winograd convolution: U[p] (C,K) = G w G^T, packed for products.

U is up to 64 / 9 times as large as 3x3 filters w. Where it is kept, or serves many tiles, it is
written once (`transform_filter`) and multiplied by (`winograd_passes.multiply`). For one image or a
few, writing and reading it would take longer than the products: then each thread transforms as much
of w as its cache holds and multiplies by it at once (`multiply_once`), the sums in the same order.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_line
from kernels.cpu.micro_kernel import TALL, outer_rows
from kernels.cpu.vector import LINE, lanes_of, turn
from kernels.winograd.layout import (
    BEGINS,
    CHANNELS,
    DEPTHS,
    LARGEST,
    LINES,
    PHASES,
    SQUARE,
    STRIDES,
    TAPS,
    four,
    sized,
    square,
    table,
)
from kernels.winograd.toom_cook import MOST, filter_family

AT_ONCE = 4
"""Panels of inputs whose filters are transformed, then used, where that is done only once."""

_g = combine(filter_family())
_g_scattered = combine(filter_family(), scatter=True)


@numba.njit(cache=True)
def _filter_vector(r1, r2, n1, n2, source, at, across, down, half, U, ahead, places):  # type: ignore[no-untyped-def]  # fmt: skip
    """G w G^T of a vector of outputs, to `ahead` behind where places (n1,n2) says."""
    lanes = lanes_of(U)
    for j in range(r2):  # (n1,r1) x (r1,r2) -> half (n1,r2)
        _g(sized(r1, n1), source, at + j * across, down, half, j * lanes, r2 * lanes)
    for i in range(n1):  # (n1,r2) x (r2,n2)
        _g_scattered(sized(r2, n2), half, i * r2 * lanes, lanes, U, ahead, places, i, False)


@numba.njit(parallel=True, cache=True)
def transform_filter(w, layout, U, parts):  # type: ignore[no-untyped-def]
    """U = G w G^T of the filters' taps that each pair of phases has, w flat.

    A tap of output channel o and input channel i lies at `o STRIDES[0] + i STRIDES[1] + row
    STRIDES[2] + column STRIDES[3]`. U[p] lies at begins[p] as (out phases panels,lines,LINE,2L).
    """
    for part in numba.prange(parts):
        _filter_share(w, layout.copy(), U, np.int64(part), parts)


@numba.njit(cache=True)
def _filter_share(w, layout, U, part, parts):  # type: ignore[no-untyped-def]
    """One thread's share of the panels."""
    panels, in_panels = _panels(layout, w)
    begins, depths, lines = table(layout, BEGINS)[0], table(layout, DEPTHS)[0], table(layout, LINES)
    plane, places = LINE * 2 * lanes_of(w), np.empty((MOST, MOST), np.int64)
    block, half = np.zeros(SQUARE * plane, w.dtype), np.empty(SQUARE * LINE, w.dtype)
    units, strides = panels * in_panels, table(layout, STRIDES)[0]
    for unit in range(units * part // parts, units * (part + 1) // parts):
        # Neighbours in the memory of w, one after the other.
        if strides[0] == 1:
            panel, in_panel = unit % panels, unit // panels
        else:
            panel, in_panel = unit // in_panels, unit % in_panels
        for f in range(len(lines)):
            n1, n2 = _products(layout, f)
            for i in range(n1):
                for j in range(n2):
                    p = square(i, j, n1, n2)
                    line = panel * depths[p] + lines[f, p] * in_panels + in_panel
                    places[i, j] = begins[p] + line * plane
            _filter_panel(w, layout, f, panel, in_panel, U, places, block, half)


@numba.njit(cache=True)
def _products(layout, f):  # type: ignore[no-untyped-def]
    """Of phase f's filters, rows and columns: those of the largest tile."""
    phases, largest = table(layout, PHASES), table(layout, LARGEST)[0]
    return largest[0] + phases[f, 0] - 1, largest[1] + phases[f, 1] - 1


@numba.njit(cache=True)
def _panels(layout, w):  # type: ignore[no-untyped-def]
    """Panels of outputs, of all their phases, and of inputs."""
    _, inputs, _, outputs = four(layout, CHANNELS)
    wide, phases = 2 * lanes_of(w), table(layout, TAPS).shape[1] // (2 * MOST)
    return phases * ((outputs + wide - 1) // wide), (inputs + LINE - 1) // LINE


@numba.njit(cache=True)
def _filter_panel(w, layout, f, out_panel, in_panel, U, places, block, half):  # type: ignore[no-untyped-def]  # fmt: skip
    """Phase f of a panel of inputs, for a panel of outputs of one phase: (LINE,2L) at each place.

    Where outputs lie side by side in w and the panels are whole, taps are read where they are; else
    they are copied to `block` first.
    """
    _, inputs, _, outputs = four(layout, CHANNELS)
    phases, strides = table(layout, PHASES), table(layout, STRIDES)[0]
    lanes = lanes_of(w)
    wide = 2 * lanes
    plane, panels = LINE * wide, (outputs + wide - 1) // wide
    q, o, i = out_panel // panels, out_panel % panels * wide, in_panel * LINE
    r1, r2 = phases[f, 0], phases[f, 1]
    n1, n2 = _products(layout, f)
    taps = table(layout, TAPS)[f, q * 2 * MOST : (q + 1) * 2 * MOST]
    whole = strides[0] == 1 and i + LINE <= inputs and o + wide <= outputs
    if not whole or min(taps[:r1]) < 0 or min(taps[MOST : MOST + r2]) < 0:
        _copy_taps(w, strides, taps, r1, r2, o, min(wide, outputs - o), i, min(LINE, inputs - i),
                   wide, block)  # fmt: skip
        for ahead in range(0, plane, lanes):
            _filter_vector(r1, r2, n1, n2, block, ahead, plane, r2 * plane, half, U, ahead,
                           places)  # fmt: skip
        return
    # A phase's neighbouring taps are all the same number of taps of w apart.
    down = (taps[1] - taps[0]) * strides[2] if r1 > 1 else 0
    across = (taps[MOST + 1] - taps[MOST]) * strides[3] if r2 > 1 else 0
    start = o + i * strides[1] + taps[0] * strides[2] + taps[MOST] * strides[3]
    for dc in range(LINE):
        for ahead in range(0, wide, lanes):
            _filter_vector(r1, r2, n1, n2, w, start + ahead, across, down, half, U,
                           dc * wide + ahead, places)  # fmt: skip
        start += strides[1]


@numba.njit(cache=True)
def _copy_taps(w, strides, taps, r1, r2, o, outputs, i, inputs, wide, block):  # type: ignore[no-untyped-def]  # fmt: skip
    """block (r1,r2,LINE,2L) = some channels' taps, 0 where the filter has none."""
    plane, lanes = LINE * wide, lanes_of(w)
    whole = strides[1] == 1 and outputs == wide and inputs == LINE
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
                    copy_line(w, tap + dc * strides[1], block, to + dc * wide, outputs)
            elif whole:
                for do in range(0, wide, lanes):
                    for dc in range(0, LINE, lanes):
                        turn(w, tap + do * strides[0] + dc, strides[0], block,
                             to + dc * wide + do, wide)  # fmt: skip
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
    panels, in_panels = _panels(layout, w)
    wide, lines = 2 * lanes_of(w), table(layout, LINES)
    plane, places = LINE * wide, np.empty((MOST, MOST), np.int64)
    block, half = np.zeros(SQUARE * plane, w.dtype), np.empty(SQUARE * LINE, w.dtype)
    # A line more from point to point: else all their filters would fall on a few sets of a cache.
    each = AT_ONCE * plane + LINE
    U = np.empty(SQUARE * each, w.dtype)
    for f in range(len(lines)):
        n1, n2 = _products(layout, f)
        for i in range(0, in_panels, AT_ONCE):
            count = min(AT_ONCE, in_panels - i)
            for panel in range(panels * part // parts, panels * (part + 1) // parts):
                for line in range(count):
                    for n in range(n1):
                        for m in range(n2):
                            places[n, m] = square(n, m, n1, n2) * each + line * plane
                    _filter_panel(w, layout, f, panel, i + line, U, places, block, half)
                for p in range(SQUARE):
                    if lines[f, p] >= 0:
                        line = lines[f, p] * in_panels + i
                        a = v_begins[p] + line * rows[p] * LINE
                        c = m_begins[p] + panel * rows[p] * wide
                        for row in range(0, rows[p], TALL):
                            some = min(TALL, rows[p] - row)
                            outer_rows(some, V, a + row * LINE, rows[p] * LINE, U, p * each,
                                       M, c + row * wide, wide, count, 0, line > 0, 0)  # fmt: skip
