"""Winograd's algorithm along rows of pixels alone: for few channels, as in a first layer.

    y = A^T [sum over r, c of (G w) o (B^T d)]

Tiles of m = 9 - r neighbouring outputs with r taps each need the products of 8 points instead of
m r (`kernels/winograd/toom_cook.py`); the rows of taps are summed as they are. In two dimensions a
first layer would spend more on the transforms of its many outputs than its few channels cost in
products; along one axis 8 values give m outputs, once for all rows of taps.

Stride s is split into phases, pixels and taps taken s at a time: in channels-last memory the s C
numbers of s neighbouring pixels lie side by side and go through B^T together, one vector. They are
a *run*, the terms of one row of taps at one point. Filters get zeros up to whole groups of s taps.

    V (8, rows, tiles, run)    of the padded rows that a strip of some rows of outputs reads; those
                               of one phase of the stride lie together, so that the tiles of all the
                               strip's rows are `run` elements apart: one tall matrix at each point.

Strips are shared out among the threads; what lies between the passes stays near its core.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.contract.costs import Work, up
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.combine import combine
from kernels.cpu.micro_kernel import EVEN, TALL
from kernels.cpu.vector import LINE, lanes_of
from kernels.winograd.toom_cook import MOST, MOST_TAPS, amplification, input_matrix

MOST_TERMS = 400
"""Of a window: filters at all points must stay in the second cache."""
STRIP = 11 * TALL
"""Tiles of a strip, about: it stays in the second cache, and few rows are read by two strips."""

TILES = {taps: MOST + 1 - taps for taps in range(2, MOST_TAPS + 1)}
"""Outputs of a tile, by the taps of a phase: as many as all points give."""

_b = combine({MOST: input_matrix(MOST)})


@dataclass(frozen=True)
class Strips:
    """How a geometry is cut.

    taps: of a phase; m: outputs of a tile; tiles: of a row; run: elements of a run; rows: of
    outputs in a strip. V has `of_phase` rows of pixels for each phase of rows; in a point's part of
    it, `each` elements, a window's rows of taps begin at `starts` (R,).
    """

    taps: int
    m: int
    tiles: int
    run: int
    rows: int
    of_phase: int
    starts: tuple[int, ...]
    each: int

    @property
    def amplification(self) -> float:
        return amplification(self.m, self.taps)


def strips(g: ConvGeometry) -> Strips:
    """Tiles of one size, of which the last of a row may reach over it."""
    return _strips(g, memory.chunk(), threads.get_num_threads())


@lru_cache(maxsize=128)
def _strips(g: ConvGeometry, chunk: int, parts: int) -> Strips:
    taps = -(-g.S // g.stride[1])
    m = TILES[taps]
    tiles = -(-g.Q // m)
    run = max(g.stride[1] * g.C, EVEN // 2)  # at least what `outer_steps` takes
    each_row = MOST * g.stride[0] * tiles * run * np.dtype(float).itemsize  # bytes of V, at most
    rows = _evenly(g, max(1, min(g.P, STRIP // tiles, chunk // each_row)), parts)
    phases = min(g.stride[0], g.R)
    of_phase, row = rows + (g.R - 1) // g.stride[0], tiles * run
    starts = tuple(r % g.stride[0] * of_phase * row + r // g.stride[0] * row for r in range(g.R))
    # Behind a point's last run: what a vector writes over it, and tiles that fill up a block.
    each = apart(phases * of_phase * row + TALL * run + LINE)
    return Strips(taps, m, tiles, run, rows, of_phase, starts, each)


def _evenly(g: ConvGeometry, most: int, parts: int) -> int:
    """Rows of a strip, `most` or fewer: an image's strips are of one size but for the last, and
    where there are few of them they are cut so that `parts` threads get about as many each."""
    count = -(-g.P // most)
    while g.N * count < 4 * parts and g.N * count % parts and count < g.P:
        count += 1
    return max(1, -(-g.P // count))


def apart(size: int) -> int:
    """`size` or more elements from each point's matrix to the next, a line more than what the sets
    of a cache repeat after: a transform touches the same place of all."""
    return up(size, 1024) + LINE


def supports(g: ConvGeometry) -> bool:
    """One group, neighbouring taps, 2 to 5 of them a phase, and few terms a window."""
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
    needed = (s.tiles * s.m + s.taps - 1) * g.stride[1] + -(-2 * LINE // g.C)
    return max(0, needed - (g.W + g.padding[2] + max(g.padding[3], 0)))


def work(g: ConvGeometry) -> Work:
    """Whole runs at every point, for filters in whole panels of 16; V once for each strip."""
    s = strips(g)
    tiles, filters = g.N * g.P * s.tiles, up(g.K, 16)
    again = min(g.stride[0], g.R) * s.of_phase / s.rows
    return Work(
        products=tiles * MOST * g.R * s.run * filters,
        terms=tiles * again * MOST * up(s.run, LINE),
        outputs=tiles * MOST * filters,
        weights=MOST * g.R * s.run * filters,
    )


def told(g: ConvGeometry) -> tuple[int, ...]:
    """What the passes are told: taps, m, tiles, run, rows, each; R, rows of V of a phase, rows of
    pixels from one to the next of them, and elements from one run to the next."""
    s = strips(g)
    return (*(s.taps, s.m, s.tiles, s.run, s.rows, s.each),
            *(g.R, s.of_phase, g.stride[0], g.stride[1] * g.C))  # fmt: skip


@numba.njit(cache=True)
def transform_strip(x, at, down, count, told, V):  # type: ignore[no-untyped-def]
    """V = B^T d of the rows of pixels that `count` rows of outputs read.

    x: padded, flat; the first row's first window begins at `at`, `down` elements from row to row.
    A vector writes over the end of its run, what comes there is written after it.
    """
    _, m, tiles, run, _, each, R, of_phase, stride, across = told
    lanes = lanes_of(x)
    for phase in range(min(stride, R)):
        for i in range(count + (R - 1 - phase) // stride):
            source, to = at + (i * stride + phase) * down, (phase * of_phase + i) * tiles * run
            for tile in range(tiles):
                for e in range(0, run, lanes):  # (MOST,MOST) x (MOST,run)
                    _b(MOST, x, source + tile * m * across + e, across, V, to + tile * run + e,
                       each)  # fmt: skip
