"""Input transform of a Winograd convolution: V[p] (T,C) = B^T d B at up to 8 x 8 points p.

T are the tiles of a chunk, d the n1 x n2 pixels that a tile reads: m + r - 1 along each axis for m
outputs and r taps. V is packed for the micro-kernels (`cpu/micro_kernel.py`): panels of some
channels, the rows of a panel one after the other. One vector of channels at a time goes through
both axes; its up to 64 values stay in the nearest cache between them.

Every pass over tiles has three steps: locate (`locate.py`), transform, write.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from kernels.contract.compilation import entry_point, inlined, subroutine
from kernels.cpu.combine import combine
from kernels.cpu.non_temporal import fence, use_non_temporal
from kernels.cpu.vector import fetch, lanes_of, move
from kernels.winograd import layout
from kernels.winograd.layout import SQUARE, Array, Integer, Panels, Plane, Tiling
from kernels.winograd.locate import (
    Block,
    Rows,
    Tile,
    Window,
    block_of,
    is_inside,
    locate_input,
    locate_products,
    locate_rows_of_phase,
    locate_tile,
    new_rows,
    next_panel_of_rows,
    panels_of,
    point,
    products_of,
    share_of_tiles,
    uses,
)
from kernels.winograd.toom_cook import MOST, input_family

_b = combine(input_family())
_b_scattered = combine(input_family(), scatter=True)


class Buffers(NamedTuple):
    """A thread's memory for one panel of a tile."""

    pixels: Array
    """(n1,n2,width): pixels that are not read, or written, in place."""
    half: Array
    """A vector of a tile, (n1,n2), after the transform of one axis."""


@entry_point(parallel=True)
def transform_input(x: Array, parameters: Array, V: Array, parts: int) -> None:
    """V = B^T d B of every tile of the chunk, d from x (N,H,W,C), flat.

    V[p] is packed as (phases panels,rows[p],width).
    """
    for part in numba.prange(parts):
        _input_tiles(x, parameters.copy(), V, np.int64(part), parts)
        _clear_rest(parameters.copy(), V, np.int64(part), parts)


@subroutine
def _input_tiles(x: Array, parameters: Array, V: Array, part: Integer, parts: int) -> None:
    """One thread's share of the tiles."""
    tiling, chunk = layout.tiling(parameters), layout.chunk(parameters)
    panels, plane = layout.panels(parameters), layout.plane(parameters)
    rows, each = new_rows(), panels_of(plane.channels, panels.width)
    pixels, half = np.empty(SQUARE * panels.width, x.dtype), np.empty(SQUARE * lanes_of(x), x.dtype)
    buffers, stream = Buffers(pixels, half), use_non_temporal(V)
    first, last = share_of_tiles(tiling, chunk, part, parts)
    for number in range(first, last):
        tile = locate_tile(tiling, chunk, number, rows)
        for f in range(len(tiling.phases)):
            window = locate_input(tiling, tile, f)
            locate_rows_of_phase(panels, tiling, f, each, rows)
            locate_products(panels, window.n1, window.n2, rows, False)
            _input_window(x, plane, window, tile.m2, buffers, V, rows, panels.width, stream)
            _clear_points(V, panels, each, tiling, f, tile, window, rows)
    fence()


@inlined
def _input_window(
    x: Array,
    plane: Plane,
    window: Window,
    m2: int,
    buffers: Buffers,
    V: Array,
    rows: Rows,
    width: int,
    stream: bool,
) -> None:
    """V = B^T d B of a window, panel by panel; read in place where it is whole."""
    # Arrays of structures are named before the loop: each access counts a reference.
    pixels, half, at, to_next = buffers.pixels, buffers.half, rows.at, rows.to_next
    inside = is_inside(window, plane)
    for c in range(0, plane.channels, width):
        if inside and c + width <= plane.channels:
            block = block_of(window, plane, c)
            _input_panel(x, block, m2, half, V, at, width, stream)
        else:
            _copy_window(x, plane, window, c, width, pixels)
            block = Block(0, window.n1, window.n2, window.n2 * width, width)
            _input_panel(pixels, block, 0, half, V, at, width, stream)
        next_panel_of_rows(at, to_next, window.n1, window.n2)


@subroutine
def _input_panel(
    source: Array,
    block: Block,
    m2: int,
    half: Array,
    V: Array,
    at: Array,
    width: int,
    stream: bool,
) -> None:
    """B^T d B of a panel of a window, to the places at (n1,n2).

    Meanwhile those pixels of the next tile, m2 columns further, are prefetched that are not this
    one's.
    """
    lanes, (begin, n1, n2, down, across) = lanes_of(V), block
    for c in range(0, width, lanes):
        for j in range(n2):  # (n1,n1) x (n1,n2) -> half (n1,n2)
            _b(n1, source, begin + c + j * across, down, half, j * lanes, n2 * lanes)
            if j + m2 >= n2:
                for i in range(n1):
                    fetch(source, begin + c + (j + m2) * across + i * down)
        for i in range(n1):  # (n1,n2) x (n2,n2) -> V at (n1,n2)
            _b_scattered(n2, half, i * n2 * lanes, lanes, V, c, at, i, stream)


@subroutine
def _copy_window(x: Array, plane: Plane, window: Window, c: int, width: int, to: Array) -> None:
    """to (n1,n2,width) = a window's pixels, 0 outside of the plane and its channels.

    Most tiles of a small plane reach over its border: whole panels are moved as vectors.
    """
    begin, _, _, down, across = block_of(window, plane, c)
    lanes, some = lanes_of(to), min(width, plane.channels - c)
    for i in range(window.n1):
        h = window.h + i * window.step_h
        for j in range(window.n2):
            w = window.w + j * window.step_w
            at, source = (i * window.n2 + j) * width, begin + i * down + j * across
            inside = some if 0 <= h < plane.H and 0 <= w < plane.W else 0
            if inside == width:
                for e in range(0, width, lanes):
                    move(x, source + e, to, at + e)
            else:
                for e in range(width):
                    to[at + e] = x[source + e] if e < inside else 0


@inlined
def _clear_points(
    V: Array,
    panels: Panels,
    each: int,
    tiling: Tiling,
    f: int,
    tile: Tile,
    window: Window,
    rows: Rows,
) -> None:
    """0 at the points that the tile has and its phase f, with fewer taps, has not."""
    n1, n2 = products_of(tiling, tile)
    if window.n1 == n1 and window.n2 == n2:
        return
    for i in range(n1):
        for j in range(n2):
            row, column = point(i, n1), point(j, n2)
            p = row * MOST + column
            used = uses(row, window.n1) and uses(column, window.n2)
            if tiling.ordinals[f, p] >= 0 and not used:
                for panel in range(each):
                    at = rows.first[p] + panel * panels.rows[p] * panels.width
                    for c in range(panels.width):
                        V[at + c] = 0


@subroutine
def _clear_rest(parameters: Array, V: Array, part: Integer, parts: int) -> None:
    """0 in a thread's share of the rows that belong to no tile.

    They are multiplied with the others, for nothing, but of what happened to stand there numbers
    near 0 would take a hundred times as long.
    """
    panels, ordinals = layout.panels(parameters), layout.tiling(parameters).ordinals
    filled, width = layout.chunk(parameters).filled, panels.width
    each = panels_of(layout.plane(parameters).channels, width)
    for p in range(part, SQUARE, parts):
        phases = 0  # at the point (an array's `max` takes a third of a second to compile)
        for f in range(len(ordinals)):
            phases = max(phases, ordinals[f, p] + 1)
        for panel in range(phases * each):
            begin = panels.begins[p] + panel * panels.rows[p] * width
            for e in range(begin + filled[p] * width, begin + panels.rows[p] * width):
                V[e] = 0
