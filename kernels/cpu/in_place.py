"""Products of a convolution's windows, read in place, with packed filters: y = windows w + bias.

y (pixels,K) is computed in tiles of up to MR pixels, whose windows are equally far apart in memory,
by a panel of NR filters (`outer_rows` in `micro_kernel_in_place.py`). The order of the tiles is

    for block of pixels:        its pixels of x and y stay in the L2 cache
        for panel of filters:   stays in a near cache; meanwhile the next one is prefetched
            for tile of pixels

and the whole sequence is cut into PIECES of equal work, which threads share: a part of the pixels
each where there are many, a part of the filters where a plane is small.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.machine import CACHE_LINE
from kernels.cpu.epilogue import apply
from kernels.cpu.micro_kernel import MR, UNROLL
from kernels.cpu.micro_kernel_in_place import FETCHED, SHORT, outer_rows
from kernels.cpu.vector import lanes_of

PIECES = 24
"""Pieces of a small layer, or for each LARGE products of a large one: 2, 3, 4, 6, 8 threads have
the same number of them."""
LARGE = 24 << 22
BLOCK_BYTES = 128 << 10
"""Of the pixels of x and y of a block."""
BLOCK_PIXELS = 96
"""Of a block at least: they share a panel."""


class Tiles(NamedTuple):
    """The tiles of all pixels of y, in their order, and how the work is cut."""

    windows: np.ndarray
    """(tiles,): where the first window of each begins in x."""
    pixels: np.ndarray
    """(tiles + 1,): the first pixel of each in y, and the number of all."""
    block: int
    """Tiles of a block; the last may have fewer."""
    pieces: int


def tiles(rows: np.ndarray, width: int, step: int, read: float, filters: int, terms: int) -> Tiles:
    """Tiles of `rows`, offsets in x, of `width` windows each that are `step` elements apart.

    Tiles of a row have SHORT to MR pixels, as even as can be, or one where a row has fewer.
    read: bytes of a pixel of x and y; terms: products of an output.
    """
    count = -(-width // MR) if width >= SHORT else width
    starts = np.arange(count) * width // count
    windows = (rows[:, None] + starts * step).reshape(-1)  # (rows,count) -> (tiles,)
    pixels = (np.arange(len(rows))[:, None] * width + starts).reshape(-1)  # the same
    total = len(rows) * width
    blocks = -(-total // max(BLOCK_PIXELS, int(BLOCK_BYTES // read)))
    pieces = PIECES * max(1, total * terms * filters // LARGE)
    return Tiles(windows, np.append(pixels, total), -(-len(windows) // blocks), pieces)


@entry_point(parallel=True)
def multiply(x, of, step, starts, run, packed, bias, rectify, epilogue, y, K, row):  # type: ignore[no-untyped-def]  # fmt: skip
    """y, flat (pixels,K) = windows of x, flat, times packed (panels,terms,2L) + bias.

    step: elements of x from a window to the next of its tile; starts (R,), run: the terms of a
    window are runs of `run` elements that begin so far behind its first one; row: elements of y
    from a pixel to the next. A position is a tile of one vector of filters.
    """
    lanes = lanes_of(y)
    positions = of.windows.size * ((K + lanes - 1) // lanes)
    for i in numba.prange(of.pieces):
        piece = np.int64(i)
        first, end = piece * positions // of.pieces, (piece + 1) * positions // of.pieces
        _piece(x, of, step, starts, run, packed, bias, rectify, epilogue, y, K, row, first, end)


@subroutine
def _piece(x, of, step, starts, run, packed, bias, rectify, epilogue, y, K, row, first, end):  # type: ignore[no-untyped-def]  # fmt: skip
    """The tiles that begin at the positions from `first` to `end`."""
    lanes = lanes_of(y)
    vectors = (K + lanes - 1) // lanes
    of_block = of.block * vectors
    while first < end:
        block = first // of_block
        tile0 = block * of.block
        count = min(of.block, of.windows.size - tile0)
        panel = (first - block * of_block) // (2 * count)
        width = min(2, vectors - 2 * panel)
        begin = block * of_block + 2 * count * panel
        tile = (first - begin + width - 1) // width
        last = min(count, (end - begin + width - 1) // width)
        _panel(x, of, step, starts, run, packed, bias, rectify, epilogue, y, K, row, panel,
               tile0, tile, last)  # fmt: skip
        first = begin + count * width


@subroutine
def _panel(  # type: ignore[no-untyped-def]
    x, of, step, starts, run, packed, bias, rectify, epilogue, y, K, row, panel, tile0, tile, last
):
    """A panel of filters by the tiles from number `tile` to `last` of the block from tile0 on."""
    NR, line = 2 * lanes_of(y), CACHE_LINE // y.itemsize
    each = starts.size * run * NR
    k, b = panel * NR, panel * each
    # After the last panel the next block has the first one again.
    following = each if k + NR < K else -b
    for t in range(tile, last):
        pixel = of.pixels[tile0 + t]
        rows = of.pixels[tile0 + t + 1] - pixel
        # Each tile prefetches FETCHED of the lines of UNROLL terms of the next panel.
        distance = following + t * FETCHED * line if t * FETCHED * line < UNROLL * NR else 0
        # (rows,terms) x (terms,2L) -> (rows,2L)
        outer_rows(rows, x, of.windows[tile0 + t], step, starts, run, packed, b, bias, k, rectify,
                   y, pixel * row + k, row, K - k, distance)  # fmt: skip
    first = of.pixels[tile0 + tile]
    pixels = of.pixels[tile0 + last] - first
    apply(epilogue, y, first * row + k, pixels, row, min(NR, K - k))
