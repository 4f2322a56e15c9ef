"""Output transform of a Winograd convolution: y = A^T M A + bias, rectified if asked for.

M[p] (T,K), of the tiles T of a chunk, is packed as (panels,rows[p],2L), one set of panels for each
phase of the output. A tile that reaches over the plane's border is transformed whole and written in
part.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract.compilation import entry_point, inlined, subroutine
from kernels.cpu.combine import combine
from kernels.cpu.direct import finish
from kernels.cpu.epilogue import Epilogue, apply
from kernels.cpu.vector import fetch, lanes_of
from kernels.winograd import layout
from kernels.winograd.layout import SQUARE, Array, Integer, Plane
from kernels.winograd.locate import (
    Block,
    Window,
    block_of,
    locate_output,
    locate_products,
    locate_rows,
    locate_tile,
    new_rows,
    next_panel_of_rows,
    products_of,
    share_of_tiles,
    sized,
)
from kernels.winograd.toom_cook import output_family

_a = combine(output_family())
_a_gathered = combine(output_family(), gather=True)


@entry_point(parallel=True)
def transform_output(
    M: Array,
    y: Array,
    bias: Array,
    rectify: bool,
    parameters: Array,
    parts: int,
    epilogue: Epilogue,
) -> None:
    """y = A^T M A + bias of every tile of the chunk, y (N,P,Q,K) flat.

    M[p] is packed as (out phases panels,rows[p],2L).
    """
    for part in numba.prange(parts):
        _output_tiles(M, y, bias, rectify, parameters.copy(), np.int64(part), parts, epilogue)


@subroutine
def _output_tiles(
    M: Array,
    y: Array,
    bias: Array,
    rectify: bool,
    parameters: Array,
    part: Integer,
    parts: int,
    epilogue: Epilogue,
) -> None:
    """One thread's share of the tiles."""
    tiling, chunk = layout.tiling(parameters), layout.chunk(parameters)
    panels, plane = layout.panels(parameters), layout.plane(parameters)
    rows, width = new_rows(), 2 * lanes_of(M)
    pixels, half = np.empty(SQUARE * width, M.dtype), np.empty(SQUARE * lanes_of(M), M.dtype)
    at, to_next = rows.at, rows.to_next  # each access to an array of a structure counts a reference
    first, last = share_of_tiles(tiling, chunk, part, parts)
    for number in range(first, last):
        tile = locate_tile(tiling, chunk, number, rows)
        n1, n2 = products_of(tiling, tile)
        locate_rows(panels, rows)
        locate_products(panels, n1, n2, rows, True)
        for q in range(len(tiling.out_phases)):
            window = locate_output(tiling, tile, q)
            for k in range(0, plane.channels, width):
                block = block_of(window, plane, k)
                _output_panel(M, at, n1, n2, half, pixels, y, block)
                next_panel_of_rows(at, to_next, n2, n1)
                _write_panel(pixels, window, plane, k, bias, rectify, y, epilogue)


@inlined
def _output_panel(
    M: Array, at: Array, n1: int, n2: int, half: Array, pixels: Array, y: Array, block: Block
) -> None:
    """A^T M A of a panel of a tile, M from the places at (n2,n1): pixels (m1,m2,2L).

    Meanwhile the lines of y that they go to are prefetched.
    """
    lanes, (begin, m1, m2, down, across) = lanes_of(M), block
    width = 2 * lanes
    for k in range(0, width, lanes):
        for j in range(n2):  # (m1,n1) x (n1,n2) -> half (m1,n2)
            _a_gathered(sized(m1, n1), M, k, at, half, j * lanes, n2 * lanes, j)
            if j < m2:
                for i in range(m1):
                    fetch(y, begin + k + i * down + j * across)
        for i in range(m1):  # (m1,n2) x (n2,m2) -> pixels (m1,m2,2L)
            _a(sized(m2, n2), half, i * n2 * lanes, lanes, pixels, k + i * m2 * width, width)


@inlined
def _write_panel(
    pixels: Array,
    window: Window,
    plane: Plane,
    k: int,
    bias: Array,
    rectify: bool,
    y: Array,
    epilogue: Epilogue,
) -> None:
    """y = pixels (m1,m2,2L) + bias, those that lie in the plane."""
    begin, m1, m2, down, across = block_of(window, plane, k)
    width, k0 = 2 * lanes_of(pixels), plane.first + k
    for i in range(m1):
        h = window.h + i * window.step_h
        for j in range(m2):
            w = window.w + j * window.step_w
            if 0 <= h < plane.H and 0 <= w < plane.W:
                to, some = begin + i * down + j * across, min(width, plane.channels - k)
                finish(pixels, (i * m2 + j) * width, bias, k0, rectify, y, to, some)
                apply(epilogue, y, to, 1, some, some)
