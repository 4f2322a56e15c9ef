"""Locations of a tile: its pixels in a plane, its rows in the matrices of the points.

Every pass over the tiles of a chunk begins with these functions. Positions u, v count along both
axes of the tiling; phase f has its pixel of tap 0 at `step u + first[f]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.contract.compilation import inlined
from kernels.winograd.layout import SQUARE, Array, Chunk, Integer, Panels, Plane, Tiling
from kernels.winograd.toom_cook import MOST


class Tile(NamedTuple):
    """m1 x m2 positions of image n from (u, v) on."""

    n: Integer
    u: int
    v: int
    m1: int
    m2: int


class Window(NamedTuple):
    """n1 x n2 pixels of image n, those of one phase: the first, and steps in pixels."""

    n: Integer
    h: int
    w: int
    n1: int
    n2: int
    step_h: int
    step_w: int


class Block(NamedTuple):
    """n1 x n2 vectors in a flat array: the element of the first, `down` and `across` to others."""

    at: Integer
    n1: int
    n2: int
    down: int
    across: int


class Rows(NamedTuple):
    """A tile's rows in the packed matrices of the points, one panel at a time."""

    ranks: Array
    """(points,): the row's number in every panel."""
    first: Array
    """(points,): the row's first element, in the first panel of a phase."""
    at: Array
    """(MOST,MOST): the row's first element, by products of the tile, in the present panel."""
    to_next: Array
    """(MOST,MOST): from there to the next panel."""


@inlined
def new_rows() -> Rows:
    return Rows(
        np.empty(SQUARE, np.int64),
        np.empty(SQUARE, np.int64),
        np.empty((MOST, MOST), np.int64),
        np.empty((MOST, MOST), np.int64),
    )


@inlined
def share(count: int, part: Integer, parts: int) -> tuple[Integer, Integer]:
    """The first of `count` units that a thread has, and the end."""
    return count * part // parts, count * (part + 1) // parts


@inlined
def share_of_tiles(
    tiling: Tiling, chunk: Chunk, part: Integer, parts: int
) -> tuple[Integer, Integer]:
    return share(chunk.bands.size * len(tiling.columns), part, parts)


@inlined
def locate_tile(tiling: Tiling, chunk: Chunk, number: Integer, rows: Rows) -> Tile:
    """Tile `number` of a chunk, and its ranks."""
    b, t = number // len(tiling.columns), number % len(tiling.columns)
    band = chunk.bands[b]
    for i in range(MOST):
        for j in range(MOST):
            before = chunk.band_rank[b, i] * chunk.column_count[j]
            rows.ranks[i * MOST + j] = before + chunk.column_rank[t, j]
    return Tile(
        (chunk.first + b) // len(tiling.rows),
        tiling.rows[band, 0],
        tiling.columns[t, 0],
        tiling.rows[band, 1],
        tiling.columns[t, 1],
    )


@inlined
def locate_input(tiling: Tiling, tile: Tile, f: int) -> Window:
    """The pixels of input phase f that a tile reads: m + r - 1 along each axis."""
    phases, (step_h, step_w) = tiling.phases, tiling.in_step
    n1, n2 = tile.m1 + phases[f, 0] - 1, tile.m2 + phases[f, 1] - 1
    h, w = step_h * tile.u + phases[f, 2], step_w * tile.v + phases[f, 3]
    return Window(tile.n, h, w, n1, n2, step_h, step_w)


@inlined
def locate_output(tiling: Tiling, tile: Tile, q: int) -> Window:
    """The pixels of output phase q that a tile has: m along each axis."""
    out, (step_h, step_w) = tiling.out_phases, tiling.out_step
    h, w = step_h * tile.u + out[q, 0], step_w * tile.v + out[q, 1]
    return Window(tile.n, h, w, tile.m1, tile.m2, step_h, step_w)


@inlined
def products_of(tiling: Tiling, tile: Tile) -> tuple[int, int]:
    """(n1, n2): products of a tile along both axes, all phases together."""
    return tile.m1 + tiling.most_taps[0] - 1, tile.m2 + tiling.most_taps[1] - 1


@inlined
def is_inside(window: Window, plane: Plane) -> bool:
    """Whether no pixel of a window is padding."""
    last_h = window.h + (window.n1 - 1) * window.step_h
    last_w = window.w + (window.n2 - 1) * window.step_w
    return window.h >= 0 and last_h < plane.H and window.w >= 0 and last_w < plane.W


@inlined
def block_of(window: Window, plane: Plane, c: int) -> Block:
    """Where a window's pixels lie in the memory of (N,H,W,C), from channel c of the group on."""
    pixel = (window.n * plane.H + window.h) * plane.W + window.w
    return Block(
        pixel * plane.C + plane.first + c,
        window.n1,
        window.n2,
        window.step_h * plane.W * plane.C,
        window.step_w * plane.C,
    )


@inlined
def locate_rows(panels: Panels, rows: Rows) -> None:
    """A tile's first element of the first panel at every point."""
    for p in range(SQUARE):
        rows.first[p] = panels.begins[p] + rows.ranks[p] * panels.width


@inlined
def locate_rows_of_phase(panels: Panels, tiling: Tiling, f: int, each: int, rows: Rows) -> None:
    """The same of phase f, where each phase has `each` panels."""
    for p in range(SQUARE):
        row = tiling.ordinals[f, p] * each * panels.rows[p] + rows.ranks[p]
        rows.first[p] = panels.begins[p] + row * panels.width


@inlined
def locate_products(panels: Panels, n1: int, n2: int, rows: Rows, by_column: bool) -> None:
    """at[i, j] of product (i, j), of n1 by n2, in the first panel; at[j, i] with `by_column`."""
    for i in range(n1):
        for j in range(n2):
            p = square(i, j, n1, n2)
            a, b = (j, i) if by_column else (i, j)
            rows.at[a, b], rows.to_next[a, b] = rows.first[p], panels.rows[p] * panels.width


@inlined
def next_panel_of_rows(at: Array, to_next: Array, n1: int, n2: int) -> None:
    """at (n1,n2) in the next panel."""
    for i in range(n1):
        for j in range(n2):
            at[i, j] += to_next[i, j]


@inlined
def point(i: int, n: int) -> int:
    """Where product i of n stands among all points: infinity, the last, at the end."""
    return i if i < n - 1 else MOST - 1


@inlined
def square(i: int, j: int, n1: int, n2: int) -> int:
    """The point of product (i, j) of n1 by n2."""
    return point(i, n1) * MOST + point(j, n2)


@inlined
def sized(size: int, n: int) -> int:
    """`toom_cook.sized`, compiled."""
    return size * (MOST + 1) + n


@inlined
def uses(i: int, n: int) -> bool:
    """Whether n products use point i."""
    return i < n - 1 or i == MOST - 1


@inlined
def panels_of(count: int, width: int) -> int:
    """Panels of `width` channels that hold `count` of them."""
    return (count + width - 1) // width
