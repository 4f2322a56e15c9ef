"""Transforms of the weights' gradient by Winograd tiles: of gy, and of the sums at the points.

    Y[p] (T,K) = A gy A^T    W[p] (K,C) += Y[p]^T V[p]    gw = G^T W G

V is the transform of the forward pass (`input_transform.py`), whose tiles and points these are; the
products are in `products.py`. Each matrix here is the transpose of one of the forward pass.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract.compilation import entry_point, inlined, subroutine
from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_run
from kernels.cpu.non_temporal import fence, use_non_temporal
from kernels.cpu.vector import KR, fetch, lanes_of
from kernels.winograd import layout
from kernels.winograd.filters import filter_products
from kernels.winograd.layout import SQUARE, Array, Integer, Panels, Taps, Tiling
from kernels.winograd.locate import (
    Block,
    block_of,
    locate_output,
    locate_products,
    locate_rows,
    locate_tile,
    new_rows,
    next_panel_of_rows,
    panels_of,
    products_of,
    share_of_tiles,
    sized,
    square,
)
from kernels.winograd.taps import FilterPanel, taps_of
from kernels.winograd.toom_cook import MOST, filter_family, output_family, transposed_family

_t = combine(transposed_family(output_family()))
_t_scattered = combine(transposed_family(output_family()), scatter=True)
_h = combine(transposed_family(filter_family()))
_h_gathered = combine(transposed_family(filter_family()), gather=True)


@entry_point(parallel=True)
def transform_gradient(gy: Array, parameters: Array, Y: Array, parts: int) -> None:
    """Y = A gy A^T of every tile of the chunk, gy (N,P,Q,K) flat.

    Y[p] is packed as (panels,rows[p],KR).
    """
    for part in numba.prange(parts):
        _gradient_tiles(gy, parameters.copy(), Y, np.int64(part), parts)


@subroutine
def _gradient_tiles(gy: Array, parameters: Array, Y: Array, part: Integer, parts: int) -> None:
    """One thread's share of the tiles."""
    tiling, chunk = layout.tiling(parameters), layout.chunk(parameters)
    panels, plane = layout.panels(parameters), layout.plane(parameters)
    rows, stream = new_rows(), use_non_temporal(Y)
    at, to_next = rows.at, rows.to_next  # each access to an array of a structure counts a reference
    pixels, half = np.empty(SQUARE * KR, gy.dtype), np.empty(SQUARE * lanes_of(gy), gy.dtype)
    first, last = share_of_tiles(tiling, chunk, part, parts)
    for number in range(first, last):
        tile = locate_tile(tiling, chunk, number, rows)
        n1, n2 = products_of(tiling, tile)
        locate_rows(panels, rows)
        locate_products(panels, n1, n2, rows, False)
        window = locate_output(tiling, tile, 0)
        for k in range(0, plane.channels, KR):
            block = block_of(window, plane, k)
            if k + KR <= plane.channels:
                _gradient_panel(gy, block, n1, n2, half, Y, at, stream)
            else:
                _copy_tile(gy, block, plane.channels - k, pixels)
                block = Block(0, tile.m1, tile.m2, tile.m2 * KR, KR)
                _gradient_panel(pixels, block, n1, n2, half, Y, at, stream)
            next_panel_of_rows(at, to_next, n1, n2)
    fence()


@subroutine
def _gradient_panel(
    source: Array,
    block: Block,
    n1: int,
    n2: int,
    half: Array,
    Y: Array,
    at: Array,
    stream: bool,
) -> None:
    """A gy A^T of a panel of a tile, to the places at (n1,n2).

    Meanwhile the next tile's pixels are prefetched.
    """
    lanes, (begin, m1, m2, down, across) = lanes_of(Y), block
    for k in range(0, KR, lanes):
        for j in range(m2):  # (n1,m1) x (m1,m2) -> half (n1,m2)
            here = begin + k + j * across
            _t(sized(m1, n1), source, here, down, half, j * lanes, m2 * lanes)
            for i in range(m1):
                fetch(source, here + m2 * across + i * down)
        for i in range(n1):  # (n1,m2) x (m2,n2) -> Y at (n1,n2)
            _t_scattered(sized(m2, n2), half, i * m2 * lanes, lanes, Y, k, at, i, stream)


@inlined
def _copy_tile(gy: Array, block: Block, channels: int, to: Array) -> None:
    """to (m1,m2,KR) = a tile's pixels of `channels`, and 0."""
    for i in range(block.n1):
        for j in range(block.n2):
            source, at = block.at + i * block.down + j * block.across, (i * block.n2 + j) * KR
            for k in range(KR):
                to[at + k] = gy[source + k] if k < channels else 0


@entry_point(parallel=True)
def transform_weights(W: Array, parameters: Array, gw: Array) -> None:
    """gw (K,R,S,C), flat = G^T W G for the group's filters, each phase to the taps of its own.

    W[p] is packed as (panels,lines,KR,width).
    """
    taps, width = layout.taps(parameters), layout.panels(parameters).width
    columns, lines = panels_of(taps.inputs, width), panels_of(taps.outputs, KR)
    for unit in numba.prange(columns * lines):
        panel, line = divmod(np.int64(unit), lines)
        _weight_panel(W, parameters.copy(), gw, panel * width, line * KR)


@subroutine
def _weight_panel(W: Array, parameters: Array, gw: Array, c: Integer, k: Integer) -> None:
    """The taps of a line of filters, from k on, and a panel of channels, from c on."""
    tiling, panels = layout.tiling(parameters), layout.panels(parameters)
    taps, at = layout.taps(parameters), np.empty((MOST, MOST), np.int64)
    block, half = np.empty(SQUARE * lanes_of(W), W.dtype), np.empty(SQUARE * lanes_of(W), W.dtype)
    for f in range(len(tiling.phases)):
        n1, n2 = filter_products(tiling, f)
        rows, columns = taps_of(tiling, FilterPanel(f, 0, k, c))
        r1, r2 = rows.size, columns.size
        _locate_sums(tiling, panels, taps, f, c, k, at)
        for do in range(min(KR, taps.outputs - k)):
            for dc in range(0, min(panels.width, taps.inputs - c), lanes_of(W)):
                source = do * panels.width + dc
                _weight_vector(W, source, at, n1, n2, half, block, r1, r2)
                _write_taps(block, taps, rows, columns, k + do, c + dc, gw)


@inlined
def _locate_sums(
    tiling: Tiling, panels: Panels, taps: Taps, f: int, c: Integer, k: Integer, at: Array
) -> None:
    """at (n2,n1): where phase f's sums of a line and a panel begin, at every product."""
    n1, n2 = filter_products(tiling, f)
    each, lines = panels_of(taps.inputs, panels.width), panels_of(taps.outputs, KR)
    for i in range(n1):
        for j in range(n2):
            p = square(i, j, n1, n2)
            line = (tiling.ordinals[f, p] * each + c // panels.width) * lines + k // KR
            at[j, i] = panels.begins[p] + line * KR * panels.width


@inlined
def _weight_vector(
    W: Array,
    source: int,
    at: Array,
    n1: int,
    n2: int,
    half: Array,
    block: Array,
    r1: int,
    r2: int,
) -> None:
    """block (r1,r2,L) = G^T W G of a filter and a vector of channels, W from places at (n2,n1)."""
    lanes = lanes_of(W)
    for j in range(n2):  # (r1,n1) x (n1,n2) -> half (r1,n2)
        _h_gathered(sized(r1, n1), W, source, at, half, j * lanes, n2 * lanes, j)
    for i in range(r1):  # (r1,n2) x (n2,r2) -> block (r1,r2)
        _h(sized(r2, n2), half, i * n2 * lanes, lanes, block, i * r2 * lanes, lanes)


@inlined
def _write_taps(
    block: Array, taps: Taps, rows: Array, columns: Array, k: Integer, c: Integer, gw: Array
) -> None:
    """gw's taps of filter k, channels from c on, = block (r1,r2,L)."""
    lanes = lanes_of(block)
    some = min(lanes, taps.inputs - c)
    filter = (taps.first_output + k) * taps.by_output + c * taps.by_input
    for i in range(rows.size):
        for j in range(columns.size):
            to = filter + rows[i] * taps.by_row + columns[j] * taps.by_column
            copy_run(block, (i * columns.size + j) * lanes, gw, to, some)
