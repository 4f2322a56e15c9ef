"""Strips of rows for Winograd's algorithm along one axis, for few channels.

    y = A^T [sum over r, c of (G g) o (B^T d)]

Tiles of m = 9 - r neighbouring outputs with r taps each need the products of 8 points instead of
m r (`kernels/winograd/toom_cook.py`); the rows of taps are summed as they are. In two dimensions a
first layer would spend more on the transforms of its many outputs than its few channels cost in
products; along one axis 8 values give m outputs, once for all rows of taps.

Stride s is split into phases, pixels and taps taken s at a time: in channels-last memory the s C
numbers of s neighbouring pixels are contiguous and are transformed together, as one vector. They
are a *run*, the terms of one row of taps at one point. Filters get zeros up to whole groups of s
taps.

    V (8, rows, tiles, run)    of the padded rows that a strip of some rows of outputs reads; those
                               of one phase of the stride are adjacent, so that the tiles of all the
                               strip's rows are `run` elements apart: one tall matrix at each point.

Strips are shared out among the threads; what one pass leaves for the next stays in a core's caches.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Allocate, Call, run_all
from kernels.contract.compilation import subroutine
from kernels.contract.costs import Work, up
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.combine import combine
from kernels.cpu.micro_kernel import MR, MR_T
from kernels.cpu.padded import bind_padded
from kernels.cpu.vector import KR, lanes_of
from kernels.winograd.toom_cook import MOST, MOST_TAPS, amplification, growth, input_matrix

MOST_TERMS = 400
"""Of a window: filters at all points must stay in the second cache."""
STRIP = 11 * MR
"""Tiles of a strip, about: it stays in the second cache, and few rows are read by two strips."""

SHARES = 4
"""Into which few strips can be divided evenly, whatever the number of threads: it changes bits."""

TILES = {taps: MOST + 1 - taps for taps in range(2, MOST_TAPS + 1)}
"""Outputs of a tile, by the taps of a phase: as many as all points give."""

_b = combine({MOST: input_matrix(MOST)})


class Strips(NamedTuple):
    """How a geometry is cut; the compiled passes read the same structure."""

    taps: int
    """Of a phase."""
    m: int
    """Outputs of a tile."""
    tiles: int
    """Of a row."""
    run: int
    """Elements of a run in V, zeros included."""
    rows: int
    """Of outputs in a strip."""
    phase_rows: int
    """Rows of pixels in V that each phase of rows has."""
    each: int
    """Elements of one point's part of V."""
    R: int
    stride: int
    """Of rows."""
    across: int
    """Elements of x from one run to the next: a stride's pixels."""

    @property
    def amplification(self) -> float:
        return amplification(self.m, self.taps)

    @property
    def growth(self) -> float:
        return growth(self.m, self.taps)


class Pixels(NamedTuple):
    """The padded input, flat, and elements of it (`cpu/padded.py`)."""

    x: np.ndarray
    first: int
    """The first window's first."""
    to_image: int
    """From an image to the next."""
    to_window: int
    """From a row of windows to the next."""
    to_row: int
    """From a row of pixels to the next."""


def strips(g: ConvGeometry) -> Strips:
    """Tiles of one size, of which the last of a row may reach over it."""
    return _strips(g, memory.chunk())


@lru_cache(maxsize=128)
def _strips(g: ConvGeometry, chunk: int) -> Strips:
    taps = -(-g.S // g.stride[1])
    m = TILES[taps]
    tiles = -(-g.Q // m)
    run = max(g.stride[1] * g.C, MR_T // 2)  # at least what `outer_strided_3` takes
    each_row = MOST * g.stride[0] * tiles * run * np.dtype(float).itemsize  # bytes of V, at most
    rows = _evenly(g, max(1, min(g.P, STRIP // tiles, chunk // each_row)))
    phases = min(g.stride[0], g.R)
    phase_rows = rows + (g.R - 1) // g.stride[0]
    # Behind a point's last run: what a vector writes over it, and tiles that fill up a block.
    each = apart(phases * phase_rows * tiles * run + MR * run + KR)
    across = g.stride[1] * g.C
    return Strips(taps, m, tiles, run, rows, phase_rows, each, g.R, g.stride[0], across)


@lru_cache(maxsize=128)
def window_starts(s: Strips) -> np.ndarray:
    """(R,): where in a point's part of V a window's rows of taps begin."""
    row = s.tiles * s.run
    starts = [r % s.stride * s.phase_rows * row + r // s.stride * row for r in range(s.R)]
    return np.array(starts)


def _evenly(g: ConvGeometry, most: int) -> int:
    """Rows of a strip, `most` or fewer: an image's strips are of one size but for the last, and
    where there are few of them they are cut so that SHARES threads get about as many each."""
    count = -(-g.P // most)
    while g.N * count < 4 * SHARES and g.N * count % SHARES and count < g.P:
        count += 1
    return max(1, -(-g.P // count))


def apart(size: int) -> int:
    """`size` or more elements from each point's matrix to the next, a line more than what the sets
    of a cache repeat after: a transform touches the same place of all."""
    return up(size, 1024) + KR


def supports(g: ConvGeometry) -> bool:
    """One group, neighbouring taps, 2 to 5 of them a phase, and few terms per window."""
    taps = -(-g.S // g.stride[1])
    return (
        g.groups == 1
        and g.dilation == (1, 1)
        and 2 <= taps <= MOST_TAPS
        and min(g.P, g.Q) > 0
        and g.R * up(g.S, g.stride[1]) * g.C <= MOST_TERMS
    )


def room(g: ConvGeometry) -> int:
    """Pixels that a padded row lacks for whole tiles, and for the last vector of its last run."""
    s = strips(g)
    needed = (s.tiles * s.m + s.taps - 1) * g.stride[1] + -(-2 * KR // g.C)
    return max(0, needed - (g.W + g.padding[2] + max(g.padding[3], 0)))


def work(g: ConvGeometry) -> Work:
    """Whole runs at every point, for filters in whole panels of 16; V once for each strip."""
    s = strips(g)
    tiles, filters = g.N * g.P * s.tiles, up(g.K, 16)
    again = min(g.stride[0], g.R) * s.phase_rows / s.rows
    return Work(
        products=tiles * MOST * g.R * s.run * filters,
        terms=tiles * again * MOST * up(s.run, KR),
        outputs=tiles * MOST * filters,
        weights=MOST * g.R * s.run * filters,
    )


def bind_pixels(x: np.ndarray, g: ConvGeometry, allocate: Allocate) -> tuple[list[Call], Pixels]:
    """x (N,C,H,W) with its padding and the last tiles' pixels: what writes them out, and they."""
    fill, flat, places = bind_padded(memory.nhwc(x), g, room(g), allocate)
    return fill, Pixels(flat, *places)


def pixels_of(x: np.ndarray, g: ConvGeometry) -> Pixels:
    """The same pixels, written out."""
    fill, pixels = bind_pixels(x, g, memory.empty)
    run_all(fill)
    return pixels


@subroutine
def transform_strip(pixels: Pixels, n: int, p: int, count: int, s: Strips, V: np.ndarray) -> None:
    """V = B^T d of the rows of pixels that `count` rows of outputs read, from row p of image n on.

    A vector writes over the end of its run, what comes there is written after it.
    """
    x, lanes = pixels.x, lanes_of(V)
    begin = pixels.first + n * pixels.to_image + p * pixels.to_window
    for phase in range(min(s.stride, s.R)):
        for i in range(count + (s.R - 1 - phase) // s.stride):
            source = begin + (i * s.stride + phase) * pixels.to_row
            to = (phase * s.phase_rows + i) * s.tiles * s.run
            for tile in range(s.tiles):
                for e in range(0, s.run, lanes):  # (MOST,MOST) x (MOST,run) -> V (MOST,run)
                    _b(MOST, x, source + tile * s.m * s.across + e, s.across,
                       V, to + tile * s.run + e, s.each)  # fmt: skip
