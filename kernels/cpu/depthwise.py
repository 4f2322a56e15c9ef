"""Products of each channel with weights of its own, row by row: depthwise fprop and dgrad.

    y[first + u apart] = bias + sum over k of w[factor + k turn] source[u step + place + k spread]

along both axes (`Axis`). For fprop `step` is the stride, `spread` the dilation and `place` minus
the padding. For dgrad each phase of the stride has the taps that meet it, and `step` is 1. Rows of
results, in pieces of at most CHANNELS channels, are shared out among the threads; up to 8
neighbouring results of a row are summed in registers (`channelwise_rows.py`). Taps beyond the plane
are left out.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.geometry import ConvGeometry
from kernels.contract.machine import LAST_CACHE
from kernels.contract.problem import Problem
from kernels.cpu.channelwise import MOST, channelwise
from kernels.cpu.channelwise_rows import channelwise_rows
from kernels.cpu.epilogue import Epilogue, apply, nothing
from kernels.cpu.non_temporal import fence, use_non_temporal
from kernels.cpu.vector import lanes, lanes_of

CHANNELS = 256
"""Channels of a piece of work: a few rows of 56 pixels of them are within the L2 cache."""
RESULTS = 6
"""The column of `Axis.results` in an array of `axes`."""
MOST_TAPS, MOST_STEP = 7, 2
"""Windows up to this size are unrolled; larger ones are served tap by tap."""


class Axis(NamedTuple):
    """Taps along one axis, and where results are: arithmetic progressions, all integers."""

    taps: int
    place: int
    """Tap k of result u is on pixel u step + place + k spread; spread > 0."""
    spread: int
    factor: int
    """Its factor is at factor + k turn in w."""
    turn: int
    step: int
    results: int
    first: int
    """Result u is number first + u apart of the plane."""
    apart: int


def supports(problem: Problem) -> bool:
    """One filter a channel, and channels for a vector."""
    g = problem.geometry
    return g.groups == g.C == g.K and lanes(problem.dtype) <= g.C


def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """w (C,1,R,S) -> (R S C,): the channels of a tap are contiguous."""
    taps = w.transpose(2, 3, 1, 0)  # (C,1,R,S) -> (R,S,1,C)
    return np.ascontiguousarray(taps).reshape(-1)  # (R,S,1,C) -> (RSC,)


def axes(rows: Axis, columns: Axis) -> np.ndarray:
    """Both axes as one array (2,9) int64, which is quickly passed to compiled code."""
    return np.array([rows, columns], np.int64)


def convolve(
    source: np.ndarray, w: np.ndarray, begin: np.ndarray, rectify: bool, y: np.ndarray,
    both: np.ndarray,
) -> None:  # fmt: skip
    """Write the results of these `axes` of y (N,C,P,Q): source (N,C,H,W), w flat, begin (C,).

    With `rectify` max(y, 0). Arrays are channels-last, with channels for a vector at least.
    """
    bind_rows(source, w, begin, rectify, y, both, nothing(y.dtype))()


def bind_rows(
    source: np.ndarray, w: np.ndarray, begin: np.ndarray, rectify: bool, y: np.ndarray,
    both: np.ndarray, epilogue: Epilogue,
) -> Call:  # fmt: skip
    """The call of `convolve`; an epilogue needs `axes` that write all of y, as those of fprop."""
    columns = Axis(*both[1].tolist())
    arrays = memory.nhwc(source), memory.flat(source), w, begin, rectify, memory.nhwc(y)
    if 0 < columns.taps <= MOST_TAPS and columns.step <= MOST_STEP and columns.spread == 1:
        # The lengths of these tuples are types, for which the code is unrolled.
        unrolled = (0,) * columns.taps, (0,) * columns.step
        return partial(_unrolled, *arrays, memory.flat(y), both, epilogue, *unrolled)
    return partial(_tap_by_tap, *arrays, memory.flat(y), both, epilogue)


@subroutine
def _axis(both, i):  # type: ignore[no-untyped-def]
    """Axis number i of `axes`."""
    a = both[i]
    return Axis(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])


@subroutine
def _width(count):  # type: ignore[no-untyped-def]
    """The number of results that are summed at a time; the last ones may overlap others."""
    if count % 8 == 0:
        return 8
    if count % 7 == 0:
        return 7
    return 8 if count > 8 else 4 if count >= 4 else 1


@subroutine
def _on_plane(axis, u, size):  # type: ignore[no-untyped-def]
    """The first tap of result u on the plane, and the one behind the last."""
    start = u * axis.step + axis.place
    first = min(max(-(start // axis.spread), 0), axis.taps)
    return first, max(min((size - 1 - start) // axis.spread + 1, axis.taps), first)


@entry_point(parallel=True)
def _unrolled(x, source, w, begin, rectify, plane, y, both, epilogue, taps, step):  # type: ignore[no-untyped-def]  # fmt: skip
    """Every row of results, for the axes `both`; `channelwise_rows` explains `taps` and `step`."""
    C = x.shape[3]
    blocks = _blocks(C, lanes_of(x))
    stream = use_non_temporal(y) and C % lanes_of(x) == 0 and y.nbytes > LAST_CACHE
    stream = stream and epilogue.address == 0  # which would read from memory what was written
    for piece in numba.prange(len(x) * both[0, RESULTS] * blocks):
        row, c0, some = _piece(piece, blocks, C)
        _row(x, source, w, begin, rectify, plane, y, both, taps, step, row, c0, some,
             stream)  # fmt: skip
        Q = plane.shape[2]
        apply(epilogue, y, row * Q * C + c0, Q, C, some)


@subroutine
def _blocks(C, lanes):  # type: ignore[no-untyped-def]
    """Pieces of the channels; the last one has its share and what is less than a vector."""
    return max(1, (C + CHANNELS - lanes) // CHANNELS)


@subroutine
def _piece(piece, blocks, C):  # type: ignore[no-untyped-def]
    """A piece's row of results, its first channel, and how many channels it has."""
    row, block = piece // blocks, piece % blocks
    c0 = block * CHANNELS
    return row, c0, C - c0 if block == blocks - 1 else CHANNELS


@subroutine
def _row(x, source, w, begin, rectify, plane, y, both, taps, step, row, c0, some, stream):  # type: ignore[no-untyped-def]  # fmt: skip
    """Results of one row, `some` channels from c0 on."""
    _, H, W, C = x.shape
    rows, columns, lanes = _axis(both, 0), _axis(both, 1), lanes_of(x)
    n, u = row // rows.results, row % rows.results
    top, bottom = _on_plane(rows, u, H)
    places, factors = np.empty(rows.taps, np.int64), np.empty(rows.taps, np.int64)
    for k in range(top, bottom):
        h = u * rows.step + rows.place + k * rows.spread
        places[k - top] = (n * H + h) * W * C
        factors[k - top] = rows.factor + k * rows.turn + columns.factor
    to_row = (n * plane.shape[1] + rows.first + u * rows.apart) * plane.shape[2] + columns.first
    width = _width(columns.results)
    for tile in range(0, columns.results, width):
        v = min(tile, columns.results - width)  # the last results may be computed twice
        left = v * columns.step + columns.place
        to = (to_row + v * columns.apart) * C
        for c in range(c0, c0 + some, lanes):
            at = min(c, c0 + some - lanes)  # and so may channels
            channelwise_rows(taps, step, width, source, left * C + at, C, places, w, at,
                             columns.turn, factors, bottom - top, -left, W - left, begin, at,
                             rectify, y, to + at, columns.apart * C, stream)  # fmt: skip
    if stream:
        fence()


@entry_point(parallel=True)
def _tap_by_tap(x, source, w, begin, rectify, plane, y, both, epilogue):  # type: ignore[no-untyped-def]  # fmt: skip
    """The same for any window."""
    C = x.shape[3]
    blocks = _blocks(C, lanes_of(x))
    for piece in numba.prange(len(x) * both[0, RESULTS] * blocks):
        row, c0, some = _piece(piece, blocks, C)
        _row_of_any(x, source, w, begin, rectify, plane, y, both, row, c0, some)
        Q = plane.shape[2]
        apply(epilogue, y, row * Q * C + c0, Q, C, some)


@subroutine
def _row_of_any(x, source, w, begin, rectify, plane, y, both, row, c0, some):  # type: ignore[no-untyped-def]  # fmt: skip
    """Results of one row, `some` channels from c0 on: those with the same taps at a time."""
    _, H, W, C = x.shape
    rows, columns, lanes = _axis(both, 0), _axis(both, 1), lanes_of(x)
    n, u = row // rows.results, row % rows.results
    top, bottom = _on_plane(rows, u, H)
    to_row = (n * plane.shape[1] + rows.first + u * rows.apart) * plane.shape[2] + columns.first
    places = np.empty(rows.taps * columns.taps, np.int64)
    factors = np.empty(rows.taps * columns.taps, np.int64)
    v = 0
    while v < columns.results:
        left, right = _on_plane(columns, v, W)
        width, most = 1, min(MOST, columns.results - v)
        while width < most and _on_plane(columns, v + width, W) == (left, right):
            width += 1
        count = 0
        for r in range(top, bottom):
            h = n * H + u * rows.step + rows.place + r * rows.spread
            for s in range(left, right):
                j = v * columns.step + columns.place + s * columns.spread
                places[count] = (h * W + j) * C
                factors[count] = rows.factor + r * rows.turn + columns.factor + s * columns.turn
                count += 1
        to = (to_row + v * columns.apart) * C
        for c in range(c0, c0 + some, lanes):
            at = min(c, c0 + some - lanes)
            channelwise(width, source, at, columns.step * C, places, w, at, factors, count,
                        begin, at, 0, rectify, y, to + at, columns.apart * C)  # fmt: skip
        v += width
