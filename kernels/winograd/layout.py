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

import numba
import numpy as np

from kernels.winograd.toom_cook import MOST

SQUARE = MOST * MOST
inlined: Any = numba.njit(cache=True, inline="always")
"""Compiled into its caller by Numba itself: a call counts references to every array of the
structures it is given, which takes longer than such a short function, and LLVM's inlining
(`forceinline`) leaves the counting in place."""
Array = np.ndarray
Integer = int | np.int64
"""A loop's index or share; those of a parallel loop are unsigned until they are cast."""


class Tiling(NamedTuple):
    """The tiles of a plane and the phases of its filters: the same for every chunk."""

    rows: Array
    """(tile rows,2): first position and outputs of each."""
    columns: Array
    """(tile columns,2)"""
    phases: Array
    """(phases,4): taps of each input phase, its pixel of tap 0 at position 0; rows then columns."""
    out_phases: Array
    """(out phases,2): pixel of each output phase at position 0."""
    ordinals: Array
    """(phases,points): which of those at a point each phase is, -1 where it has none."""
    taps: Array
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
    bands: Array
    """(bands,): which of an image's."""
    band_rank: Array
    """(bands,MOST): bands before that have the point."""
    column_rank: Array
    """(tile columns,MOST): tiles before in the band that have it."""
    column_count: Array
    """(MOST,): tiles of a band that have it."""
    filled: Array
    """(points,): rows of each point's matrix that belong to a tile."""


class Panels(NamedTuple):
    """The matrices of all points in one flat array, each packed as (panels,rows[p],width)."""

    begins: Array
    """(points,): the first element of each point's matrix."""
    rows: Array
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

    v_begins: Array
    """(points,): the first element of each point's matrix V[p]."""
    m_begins: Array
    """(points,): of M[p], or Y[p]."""
    rows: Array
    """(points,): of V[p] and M[p], tiles."""
    depth: Array
    """(points,): panels of V[p]."""
    units: Array
    """(units,2): point and panel of each."""
    bounds: Array
    """(threads + 1,): each thread's first unit, and the end."""


_FIRST: dict[type, int] = {}
"""The table of a structure's first field; the others follow."""
_count = 0
for _kind in (Tiling, Chunk, Panels, Plane, Taps, Product):
    _FIRST[_kind], _count = _count, _count + len(_kind._fields)
_COUNT = _count
_TILING, _CHUNK, _PANELS, _PLANE, _TAPS, _PRODUCT = _FIRST.values()


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


@inlined
def tiling(parameters: Array) -> Tiling:
    return Tiling(
        _table(parameters, _TILING),
        _table(parameters, _TILING + 1),
        _table(parameters, _TILING + 2),
        _table(parameters, _TILING + 3),
        _table(parameters, _TILING + 4),
        _table(parameters, _TILING + 5),
        _pair(parameters, _TILING + 6),
        _pair(parameters, _TILING + 7),
        _pair(parameters, _TILING + 8),
        _pair(parameters, _TILING + 9),
    )


@inlined
def chunk(parameters: Array) -> Chunk:
    return Chunk(
        _number(parameters, _CHUNK),
        _row(parameters, _CHUNK + 1),
        _table(parameters, _CHUNK + 2),
        _table(parameters, _CHUNK + 3),
        _row(parameters, _CHUNK + 4),
        _row(parameters, _CHUNK + 5),
    )


@inlined
def panels(parameters: Array) -> Panels:
    return Panels(
        _row(parameters, _PANELS), _row(parameters, _PANELS + 1), _number(parameters, _PANELS + 2)
    )


@inlined
def plane(parameters: Array) -> Plane:
    return Plane(
        _number(parameters, _PLANE),
        _number(parameters, _PLANE + 1),
        _number(parameters, _PLANE + 2),
        _number(parameters, _PLANE + 3),
        _number(parameters, _PLANE + 4),
    )


@inlined
def taps(parameters: Array) -> Taps:
    return Taps(
        _number(parameters, _TAPS),
        _number(parameters, _TAPS + 1),
        _number(parameters, _TAPS + 2),
        _number(parameters, _TAPS + 3),
        _number(parameters, _TAPS + 4),
        _number(parameters, _TAPS + 5),
        _number(parameters, _TAPS + 6),
    )


@inlined
def product(parameters: Array) -> Product:
    return Product(
        _row(parameters, _PRODUCT),
        _row(parameters, _PRODUCT + 1),
        _row(parameters, _PRODUCT + 2),
        _row(parameters, _PRODUCT + 3),
        _table(parameters, _PRODUCT + 4),
        _row(parameters, _PRODUCT + 5),
    )


@inlined
def _table(parameters: Array, number: int) -> Array:
    """(rows,columns)"""
    head = 3 * number
    at, rows, columns = parameters[head], parameters[head + 1], parameters[head + 2]
    # (rows columns,) -> (rows,columns)
    return parameters[at : at + rows * columns].reshape((rows, columns))


@inlined
def _row(parameters: Array, number: int) -> Array:
    """(columns,)"""
    at, columns = parameters[3 * number], parameters[3 * number + 2]
    return parameters[at : at + columns]


@inlined
def _pair(parameters: Array, number: int) -> tuple[int, int]:
    at = parameters[3 * number]
    return parameters[at], parameters[at + 1]


@inlined
def _number(parameters: Array, number: int) -> int:
    return parameters[parameters[3 * number]]
