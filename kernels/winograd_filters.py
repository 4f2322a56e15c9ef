"""The filters' transform of a Winograd convolution: U[p] (C,K) = G w G^T, packed for products."""

from __future__ import annotations

import numba
import numpy as np

from kernels.combine import combine
from kernels.toom_cook import MOST, filter_matrix
from kernels.vector import LINE, MACHINE
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

_g1, _g2, _g3, _g4, _g5 = (combine(filter_matrix(r)) for r in range(1, 6))
_g1s, _g2s, _g3s, _g4s, _g5s = (combine(filter_matrix(r), scatter=True) for r in range(1, 6))


@numba.njit(cache=True)
def _filter_rows(r, count, source, ahead, to, lanes, wide):  # type: ignore[no-untyped-def]
    """G along the first axis of `count` columns of taps: to (MOST,count,lanes)."""
    for j in range(count):
        down, at = count * wide, ahead + j * wide
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
            _g3s(source, i * r * lanes, lanes, to, at, places, i)
        elif r == 2:
            _g2s(source, i * r * lanes, lanes, to, at, places, i)
        elif r == 1:
            _g1s(source, i * r * lanes, lanes, to, at, places, i)
        elif r == 4:
            _g4s(source, i * r * lanes, lanes, to, at, places, i)
        else:
            _g5s(source, i * r * lanes, lanes, to, at, places, i)


@numba.njit(parallel=True, cache=True)
def transform_filter(w, layout, U):  # type: ignore[no-untyped-def]
    """U = G w G^T of the filters' taps that each pair of phases has, w flat.

    A tap of output channel o and input channel i lies at `o STRIDES[0] + i STRIDES[1] + row
    STRIDES[2] + column STRIDES[3]`. U[p] lies at begins[p] as (out phases panels,lines,LINE,2L),
    before all of them a place for what no phase needs.
    """
    _, inputs, _, outputs = four(layout, CHANNELS)
    wide = 2 * (WIDTH // w.itemsize)
    panels, in_panels = (outputs + wide - 1) // wide, (inputs + LINE - 1) // LINE
    for unit in numba.prange(table(layout, TAPS).shape[1] // (2 * MOST) * panels * in_panels):
        out_panel, in_panel = divmod(np.int64(unit), in_panels)
        _filter_panel(w, layout, U, out_panel, in_panel, in_panels)


@numba.njit(cache=True)
def _filter_panel(w, layout, U, out_panel, in_panel, in_panels):  # type: ignore[no-untyped-def]
    """A panel of outputs of one phase, and one of inputs of every phase."""
    _, inputs, _, outputs = four(layout, CHANNELS)
    phases, lines, strides = table(layout, PHASES), table(layout, LINES), table(layout, STRIDES)[0]
    depths, begins = table(layout, DEPTHS)[0], table(layout, BEGINS)[0]
    lanes = WIDTH // w.itemsize
    wide = 2 * lanes
    plane, panels = LINE * wide, (outputs + wide - 1) // wide
    block, half = np.zeros(SQUARE * plane, w.dtype), np.empty(SQUARE * lanes, w.dtype)
    places = np.empty((MOST, MOST), np.int64)
    q, o, i = out_panel // panels, out_panel % panels * wide, in_panel * LINE
    for f in range(len(phases)):
        r1, r2 = phases[f, 0], phases[f, 1]
        taps = table(layout, TAPS)[f, q * 2 * MOST : (q + 1) * 2 * MOST]
        for a in range(r1):
            for b in range(r2):
                at, row, column = (a * r2 + b) * plane, taps[a], taps[MOST + b]
                if row < 0 or column < 0:
                    for e in range(plane):
                        block[at + e] = 0
                    continue
                tap = row * strides[2] + column * strides[3] + o * strides[0]
                some, others = min(LINE, inputs - i), min(wide, outputs - o)
                if strides[0] == 1:
                    for dc in range(some):
                        start = tap + (i + dc) * strides[1]
                        for do in range(others):
                            block[at + dc * wide + do] = w[start + do]
                else:  # along the memory of w, in which one stride is 1
                    for do in range(others):
                        start = tap + do * strides[0] + i * strides[1]
                        for dc in range(some):
                            block[at + dc * wide + do] = w[start + dc * strides[1]]
        for p in range(SQUARE):
            line = out_panel * depths[p] + lines[f, p] * in_panels + in_panel
            here = begins[p] + line * plane
            places[p // MOST, p % MOST] = here if lines[f, p] >= 0 else 0
        for ahead in range(0, plane, lanes):
            _filter_rows(r1, r2, block, ahead, half, lanes, plane)
            _filter_columns(r2, half, U, ahead, places, lanes)
