"""Filters, products and outputs of Winograd's algorithm along rows, for one strip of rows.

    U (MOST,R run,K) = G g    M (MOST,tiles,K) = V U    y = A^T M + bias

The products of MR tiles and one panel of filters are transformed to outputs while they are in the
nearest cache. V is `one_dimensional.transform_strip`'s.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_run
from kernels.cpu.micro_kernel import MR, outer_in_place
from kernels.cpu.vector import fetch, lanes_of
from kernels.winograd.layout import Array, inlined
from kernels.winograd.one_dimensional import TILES, Strips
from kernels.winograd.toom_cook import MOST, POINTS, filter_matrix, output_matrix

ONE = POINTS.index(1)

_g = combine({taps: filter_matrix(taps) for taps in TILES})
_a = combine({m: output_matrix(m) for m in TILES.values()})
_a_rectified = combine({m: output_matrix(m) for m in TILES.values()}, rectify=True)


class Layer(NamedTuple):
    """What the pixels of every strip meet."""

    U: np.ndarray
    """(panels,MOST,R run,2L), flat."""
    starts: np.ndarray
    """(R,): where a window's rows of taps begin in V."""
    bias: np.ndarray
    """(panels 2L,)"""
    zeros: np.ndarray
    """(2L,)"""
    rectify: bool


class Buffers(NamedTuple):
    """Memory of one thread."""

    V: np.ndarray
    """(MOST,each): a strip's pixels at every point."""
    M: np.ndarray
    """(MOST,MR,2L): products of MR tiles and a panel of filters."""
    result: np.ndarray
    """(m,2L): outputs of a tile that is written in part."""


class Target(NamedTuple):
    """Where the outputs of a strip go: y (...,Q,K), flat, from element `at` on."""

    at: int
    Q: int
    K: int


class Block(NamedTuple):
    """MR tiles from `tile` on, `some` of which there are, and the panel of filters from `k` on."""

    tile: int
    some: int
    k: int


@numba.njit(cache=True)
def new_buffers(V: np.ndarray) -> Buffers:
    width = 2 * lanes_of(V)
    M, result = np.empty(MOST * MR * width, V.dtype), np.empty(MOST * width, V.dtype)
    return Buffers(V, M, result)


@numba.njit(cache=True)
def transform_taps(w: np.ndarray, s: Strips, packed: np.ndarray) -> None:
    """packed (panels,MOST,R,run,2L), flat = G w of w (K,R,S,C), 0 where it has no tap or filter."""
    K, R = w.shape[:2]
    lanes, width = lanes_of(w), 2 * lanes_of(w)
    block = np.empty(s.taps * width, w.dtype)
    for panel in range((K + width - 1) // width):
        for term in range(R * s.run):
            _copy_taps(w, s, panel * width, term // s.run, term % s.run, block)
            to = (panel * MOST * R * s.run + term) * width
            for k in range(0, width, lanes):  # (MOST,taps) x (taps,L) -> packed (MOST,L)
                _g(s.taps, block, k, width, packed, to + k, R * s.run * width)


@numba.njit(cache=True)
def _copy_taps(w: np.ndarray, s: Strips, k0: int, r: int, e: int, block: np.ndarray) -> None:
    """block (taps,2L) = those of row r that meet element e of their runs, of filters from k0 on."""
    K, R, S, C = w.shape
    width, flat = 2 * lanes_of(w), w.reshape(-1)  # (K,R,S,C) -> (KRSC,), the same memory
    for j in range(s.taps):
        inside = e < s.across and j * s.across + e < S * C
        for do in range(width):
            k = k0 + do
            at = (k * R + r) * S * C + j * s.across + e
            block[j * width + do] = flat[at] if inside and k < K else 0


@numba.njit(cache=True)
def multiply_strip(
    s: Strips, layer: Layer, buffers: Buffers, y: np.ndarray, target: Target, count: int
) -> None:
    """A strip's `count` rows of outputs: MR tiles and a panel of filters at a time."""
    # Arrays of structures are named before the loop: each access counts a reference.
    V, M, result = buffers.V, buffers.M, buffers.result
    U, starts, bias, zeros = layer.U, layer.starts, layer.bias, layer.zeros
    for tile in range(0, count * s.tiles, MR):
        some = min(MR, count * s.tiles - tile)
        for k in range(0, target.K, 2 * lanes_of(V)):
            block = Block(tile, some, k)
            for p in range(MOST):
                # The value of the point 1 is in every output once: the bias is added there.
                begin, begin_at = (bias, k) if p == ONE else (zeros, 0)
                _multiply_point(V, U, starts, begin, M, s, block, p, begin_at)
                _prefetch_outputs(y, s, target, block, p)
            _write_tiles(M, result, y, s, layer.rectify, target, block)


@inlined
def _multiply_point(
    V: Array,
    U: Array,
    starts: Array,
    begin: Array,
    M: Array,
    s: Strips,
    block: Block,
    p: int,
    begin_at: int,
) -> None:
    """M of a block at point p, whose sums begin with `begin` from element `begin_at` on."""
    terms, width = s.R * s.run, 2 * lanes_of(V)
    u = (block.k // width * MOST + p) * terms * width
    # (MR,R run) x (R run,2L) -> M (MR,2L)
    outer_in_place(V, p * s.each + block.tile * s.run, s.run, starts, U, u, begin, begin_at, False,
                   M, p * MR * width, width, s.run)  # fmt: skip


@inlined
def _prefetch_outputs(y: Array, s: Strips, target: Target, block: Block, p: int) -> None:
    """While the products of point p are made, the lines of y for some of the tiles' outputs."""
    first, last = block.some * p // MOST, block.some * (p + 1) // MOST
    for t in range(block.tile + first, block.tile + last):
        to = _pixel(s, target, t) + block.k
        for i in range(s.m):
            fetch(y, to + i * target.K)
            fetch(y, to + i * target.K + lanes_of(y))


@inlined
def _pixel(s: Strips, target: Target, tile: int) -> int:
    """The element of y that tile `tile` of a strip begins at."""
    row, column = tile // s.tiles, tile % s.tiles * s.m
    return target.at + (row * target.Q + column) * target.K


@inlined
def _write_tiles(
    M: Array, result: Array, y: Array, s: Strips, rectify: bool, target: Target, block: Block
) -> None:
    """y = A^T M of a block's tiles: in place where tile and panel are whole, else by `result`."""
    lanes, width, K = lanes_of(M), 2 * lanes_of(M), target.K
    for t in range(block.some):
        column = (block.tile + t) % s.tiles * s.m
        to = _pixel(s, target, block.tile + t) + block.k
        whole = column + s.m <= target.Q and block.k + width <= K
        for e in range(0, width, lanes):  # (m,MOST) x (MOST,L) -> y (m,L)
            at = t * width + e
            if whole and rectify:
                _a_rectified(s.m, M, at, MR * width, y, to + e, K)
            elif whole:
                _a(s.m, M, at, MR * width, y, to + e, K)
            elif rectify:
                _a_rectified(s.m, M, at, MR * width, result, e, width)
            else:
                _a(s.m, M, at, MR * width, result, e, width)
        if not whole:
            for i in range(min(s.m, target.Q - column)):
                copy_run(result, i * width, y, to + i * K, min(width, K - block.k))
