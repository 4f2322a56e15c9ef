"""Passes of the weights' gradient by Winograd's algorithm along rows, for one strip of rows.

    Y (MOST,tiles,K) = A gy    W (MOST,R run,K) += V^T (MOST,R run,tiles) Y

The sums of a run of terms by two or three vectors of filters stay in registers while the strip's
tiles are added to them. V is `one_dimensional.transform_strip`'s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.contract.compilation import inlined, subroutine
from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_run
from kernels.cpu.micro_kernel import MR_T, outer_strided_2, outer_strided_3
from kernels.cpu.vector import KR, fetch, lanes_of
from kernels.winograd.one_dimensional import TILES, Strips
from kernels.winograd.toom_cook import MOST, output_matrix, transposed_family

_t = combine(transposed_family({m: output_matrix(m) for m in TILES.values()}))


class Panels(NamedTuple):
    """Panels of filters, of gy (N,P,Q,K) and of the sums (parts,MOST,R run,row)."""

    width: int
    row: int
    """Elements of a term's sums: all panels."""
    each: int
    """Elements of one point's part of Y (MOST,tiles of a strip,width)."""
    P: int
    Q: int
    K: int


class Buffers(NamedTuple):
    """A thread's memory."""

    V: np.ndarray
    """(MOST,each): a strip's pixels at every point."""
    Y: np.ndarray
    """(MOST,tiles of a strip,width): a panel of gy at every point."""
    pixels: np.ndarray
    """(m,width): a tile of gy that is not whole."""


@subroutine
def transform_gradient(
    gy: np.ndarray,
    at: int | np.int64,
    count: int,
    s: Strips,
    panels: Panels,
    filters: int,
    buffers: Buffers,
) -> None:
    """Y (MOST,tiles of the strip,width) = A gy of one panel of filters, 0 where there is none."""
    Y, pixels, width, Q, K = buffers.Y, buffers.pixels, panels.width, panels.Q, panels.K
    lanes = lanes_of(gy)
    for row in range(count):
        for tile in range(s.tiles):
            source, to = at + (row * Q + tile * s.m) * K, (row * s.tiles + tile) * width
            some = min(s.m, Q - tile * s.m)
            whole = some == s.m and filters == width
            if not whole:
                pixels[:] = 0
                for i in range(some):
                    copy_run(gy, source + i * K, pixels, i * width, filters)
            for e in range(0, width, lanes):  # (MOST,m) x (m,L) -> Y (MOST,L)
                if whole:
                    _t(s.m, gy, source + e, K, Y, to + e, panels.each)
                else:
                    _t(s.m, pixels, e, width, Y, to + e, panels.each)


@subroutine
def accumulate(
    gy: np.ndarray,
    upcoming: int | np.int64,
    count: int,
    s: Strips,
    panels: Panels,
    buffers: Buffers,
    starts: np.ndarray,
    sums: np.ndarray,
    to: int | np.int64,
) -> None:
    """Add to the sums of every point and row of taps; prefetch a panel of gy meanwhile.

    It begins at `soon`; of its pixels, count Q, some are fetched at a time.
    """
    turns, pixels = MOST * s.R, count * panels.Q
    for turn in range(turns):
        for pixel in range(pixels * turn // turns, pixels * (turn + 1) // turns):
            for e in range(0, panels.width, KR):
                fetch(gy, upcoming + pixel * panels.K + e)
        p, r = turn // s.R, turn % s.R
        a, c = p * s.each + starts[r], to + turn * s.run * panels.row
        _add_run(buffers, a, p * panels.each, s.run, count * s.tiles, sums, c, panels)


@inlined
def _add_run(
    buffers: Buffers,
    a: int,
    b: int,
    run: int,
    tiles: int,
    sums: np.ndarray,
    c: int | np.int64,
    panels: Panels,
) -> None:
    """sums (run,width) += V^T (run,tiles) x Y (tiles,width), MR_T terms at most at a time."""
    V, Y, width, row = buffers.V, buffers.Y, panels.width, panels.row
    cuts, three = (run + MR_T - 1) // MR_T, width == 3 * lanes_of(V)
    for cut in range(cuts):
        e, end = run * cut // cuts, run * (cut + 1) // cuts
        if three:
            outer_strided_3(end - e, V, a + e, run, Y, b, width, sums, c + e * row, row, tiles, 0,
                          True, False)  # fmt: skip
        else:
            outer_strided_2(end - e, V, a + e, run, Y, b, width, sums, c + e * row, row, tiles, 0,
                          True, False)  # fmt: skip
