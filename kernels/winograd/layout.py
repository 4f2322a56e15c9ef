"""What the passes of a Winograd convolution are told, as one array of numbers.

Compiled loops that run in parallel take long to compile for every array they are given, so all
tables of `winograd_plan.py` travel in one, each found by its number.
"""

from __future__ import annotations

from collections.abc import Mapping

import numba
import numpy as np

from kernels.winograd.toom_cook import MOST

SQUARE = MOST * MOST
(
    IMAGE,  # (1,4): N, H, W, C of the array that is read, or written
    CHANNELS,  # (1,4): first input channel of the group, how many; first output channel, how many
    TILES,  # (tiles,2): of the rows: first position, size
    COLUMNS,  # (tiles,2): of the columns
    FIRST,  # (1,1): the chunk's first band in the batch
    BANDS,  # (1,bands): the chunk's rows of tiles: which of an image's
    BAND_RANK,  # (bands,MOST): how many bands before have each point
    COLUMN_RANK,  # (tiles,MOST): how many tiles before in the band have it
    COLUMN_COUNT,  # (1,MOST): how many tiles of a band have it
    MOST_TAPS,  # (1,2): of any phase, rows and columns
    LARGEST,  # (1,2): outputs of the largest tile, rows and columns
    WIDE,  # (1,1): channels of a panel of the input's transform
    PHASES,  # (phases,4): taps and first pixel, rows then columns
    LINES,  # (phases,points): which of the phases at a point each is, -1: it does not use it
    OUT,  # (out phases,2): first pixel
    STEPS,  # (1,4): of input rows and columns, of output rows and columns
    FILLED,  # (1,points): rows of each point's matrix that belong to a tile
    ROWS,  # (1,points): rows of each point's matrix, filled up to whole tiles of the product
    BEGINS,  # (1,points): where each point's matrix begins
    DEPTHS,  # (1,points): lines of each point's filters
    STRIDES,  # (1,4): of the weights: output and input channels, rows and columns of taps
    TAPS,  # (phases,out phases 2 MOST): the filter's taps, rows then columns
    _COUNT,
) = range(23)


def layout(tables: Mapping[int, np.ndarray]) -> np.ndarray:
    """The tables in one int64 array: where each begins and its shape, then all their numbers."""
    head = np.zeros((_COUNT, 3), np.int64)
    parts, at = [], head.size
    for number, given in tables.items():
        shaped = np.asarray(given, np.int64)
        rows = shaped.reshape(-1, shaped.shape[-1])  # (n,) -> (1,n)
        head[number] = at, *rows.shape
        parts.append(rows.ravel())
        at += rows.size
    return np.concatenate([head.ravel(), *parts])


@numba.njit(cache=True)
def table(layout, number):  # type: ignore[no-untyped-def]
    """One table, (rows,columns).

    Taken once before a loop, never in it: each view of the layout counts in its owner's references,
    which all threads share.
    """
    at, rows, columns = layout[3 * number], layout[3 * number + 1], layout[3 * number + 2]
    return layout[at : at + rows * columns].reshape((rows, columns))


@numba.njit(cache=True)
def four(layout, number):  # type: ignore[no-untyped-def]
    """The four numbers of a table that has one row of four."""
    row = table(layout, number)[0]
    return row[0], row[1], row[2], row[3]


@numba.njit(cache=True)
def point(i, n):  # type: ignore[no-untyped-def]
    """Where product i of n stands among all points: infinity, the last, at the end."""
    return i if i < n - 1 else MOST - 1


@numba.njit(cache=True)
def square(i, j, n1, n2):  # type: ignore[no-untyped-def]
    """The point of product (i, j) of n1 by n2."""
    return point(i, n1) * MOST + point(j, n2)


@numba.njit(cache=True)
def sized(size, n):  # type: ignore[no-untyped-def]
    """`toom_cook.sized`."""
    return size * (MOST + 1) + n


@numba.njit(cache=True)
def uses(i, n):  # type: ignore[no-untyped-def]
    """Whether n products use point i."""
    return i < n - 1 or i == MOST - 1


@numba.njit(cache=True)
def row_of_tile(band_rank, count, column_rank, b, t, ranks):  # type: ignore[no-untyped-def]
    """ranks (points,): the row of tile t of band b in the matrix of each point."""
    for i in range(MOST):
        for j in range(MOST):
            ranks[i * MOST + j] = band_rank[b, i] * count[j] + column_rank[t, j]
