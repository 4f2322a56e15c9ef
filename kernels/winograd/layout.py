"""Named parameters of the Winograd passes, packed into one int64 array.

The structures are NamedTuples of integers and integer tables. The same classes serve on both sides:
Python builds them and `pack`s them, compiled code unpacks them (`tiling(parameters)`, ...) as views
and reads fields by name, which costs nothing there.

They are passed in one array because each call of a function that Numba compiled unboxes its
arguments array by array, and a pass would have some twenty of them. A record dtype would not do:
the tables' lengths depend on the geometry, and each length would be a type that is compiled anew.

A view counts in the references of its owner. So each thread unpacks a copy of its own, once, before
its loop: a counter that threads share would move from core to core.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kernels.winograd.toom_cook import MOST
from kernels.winograd.unpack import Row, Table, unpacker

SQUARE = MOST * MOST
Array = np.ndarray
Integer = int | np.int64
"""A loop's index or share; those of a parallel loop are unsigned until they are cast."""


class Tiling(NamedTuple):
    """The tiles of a plane and the phases of its filters: the same for every chunk."""

    rows: Table
    """(tile rows,2): first position and outputs of each."""
    columns: Table
    """(tile columns,2)"""
    phases: Table
    """(phases,4): taps of each input phase, its pixel of tap 0 at position 0; rows then columns."""
    out_phases: Table
    """(out phases,2): pixel of each output phase at position 0."""
    ordinals: Table
    """(phases,points): which of those at a point each phase is, -1 where it has none."""
    taps: Table
    """(phases out phases,2 MOST): the filter's taps, rows then columns, -1 where it has none."""
    most_taps: tuple[int, int]
    """Of any phase; rows and columns, as the next three."""
    largest: tuple[int, int]
    """Outputs of the largest tile."""
    in_step: tuple[int, int]
    out_step: tuple[int, int]
    """Pixels from one position to the next."""


class Chunk(NamedTuple):
    """Bands (rows of tiles) of a batch that are transformed and multiplied together.

    At point (i, j) tile t of band b has row band_rank[b, i] column_count[j] + column_rank[t, j].
    """

    first: int
    """Band of the batch."""
    bands: Row
    """(bands,): which of an image's."""
    band_rank: Table
    """(bands,MOST): bands before that have the point."""
    column_rank: Table
    """(tile columns,MOST): tiles before in the band that have it."""
    column_count: Row
    """(MOST,): tiles of a band that have it."""
    filled: Row
    """(points,): rows of each point's matrix that belong to a tile."""


class Panels(NamedTuple):
    """The matrices of all points in one flat array, each packed as (panels,rows[p],width)."""

    begins: Row
    """(points,): the first element of each point's matrix."""
    rows: Row
    """(points,): of one panel."""
    width: int


class Plane(NamedTuple):
    """The channels of one group in an array (N,H,W,C), read or written."""

    H: int
    W: int
    C: int
    first: int
    """Channel."""
    channels: int


class Taps(NamedTuple):
    """The filters of one group as they are stored: elements from each tap to its neighbours."""

    outputs: int
    inputs: int
    by_output: int
    by_input: int
    by_row: int
    by_column: int
    first_output: int


class Product(NamedTuple):
    """The matrix products of a chunk: M[p] = V[p] U[p], or W[p] = Y[p]^T V[p]."""

    v_begins: Row
    """(points,): the first element of each point's matrix V[p]."""
    m_begins: Row
    """(points,): of M[p], or Y[p]."""
    rows: Row
    """(points,): of V[p] and M[p], tiles."""
    depth: Row
    """(points,): panels of V[p]."""
    units: Table
    """(units,2): point and panel of each."""
    bounds: Row
    """(threads + 1,): each thread's first unit, and the end."""


_FIRST: dict[type, int] = {}
"""The table of a structure's first field; the others follow."""
_count = 0
for _kind in (Tiling, Chunk, Panels, Plane, Taps, Product):
    _FIRST[_kind], _count = _count, _count + len(_kind._fields)
_COUNT = _count
tiling, chunk, panels, plane, taps, product = (unpacker(*kind) for kind in _FIRST.items())
"""`tiling(parameters)`: the structure in packed parameters, for compiled code."""


def pack(*structures: Any) -> Array:
    """The structures in one int64 array: each table's place and shape, then all their numbers."""
    head = np.zeros((_COUNT, 3), np.int64)
    parts, at = [], head.size
    for structure in structures:
        for number, field in enumerate(structure, _FIRST[type(structure)]):
            values = np.asarray(field, np.int64)
            columns = values.shape[-1] if values.ndim else 1
            head[number] = at, values.size // columns, columns
            parts.append(values.ravel())
            at += values.size
    return np.concatenate([head.ravel(), *parts])
