"""Filters, products and outputs of Winograd's algorithm along rows, for one strip of rows.

    U (MOST,R run,K) = G g    M (MOST,tiles,K) = V U    y = A^T M + bias

The products of TALL tiles and one panel of filters are transformed to outputs while they are in the
nearest cache. V is `one_dimensional.transform_strip`'s.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_line
from kernels.cpu.micro_kernel import TALL, outer_runs
from kernels.cpu.vector import fetch, lanes_of
from kernels.winograd.layout import inlined
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
    """(MOST,TALL,2L): products of TALL tiles and a panel of filters."""
    result: np.ndarray
    """(m,2L): outputs of a tile that is written in part."""


class Target(NamedTuple):
    """Where the outputs of a strip go: y (...,Q,K), flat, from element `at` on."""

    y: np.ndarray
    at: int
    Q: int
    K: int


@numba.njit(cache=True)
def new_buffers(V: np.ndarray) -> Buffers:
    width = 2 * lanes_of(V)
    M, result = np.empty(MOST * TALL * width, V.dtype), np.empty(MOST * width, V.dtype)
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
def multiply_strip(s: Strips, layer: Layer, buffers: Buffers, target: Target, count: int) -> None:
    """A strip's `count` rows of outputs: TALL tiles and a panel of filters at a time."""
    width = 2 * lanes_of(buffers.V)
    for tile in range(0, count * s.tiles, TALL):
        some = min(TALL, count * s.tiles - tile)
        for k in range(0, target.K, width):
            _multiply_panel(s, layer, buffers, target, tile, some, k)
            _write_tiles(s, layer.rectify, buffers, target, tile, some, k)


@inlined
def _multiply_panel(
    s: Strips, layer: Layer, buffers: Buffers, target: Target, tile: int, some: int, k: int
) -> None:
    """M of TALL tiles, `some` of which there are, and the panel of filters from k on.

    The bias is added at the point 1, whose value every output has once. While the products of a
    point are made, the lines of y that some tiles' outputs go to are prefetched.
    """
    V, M, y, terms = buffers.V, buffers.M, target.y, s.R * s.run
    U, starts, lanes, width = layer.U, layer.starts, lanes_of(V), 2 * lanes_of(V)
    for p in range(MOST):
        u = (k // width * MOST + p) * terms * width
        bias, at = (layer.bias, k) if p == ONE else (layer.zeros, 0)
        # (TALL,R run) x (R run,2L) -> M (TALL,2L)
        outer_runs(V, p * s.each + tile * s.run, s.run, starts, U, u, bias, at, False,
                   M, p * TALL * width, width, s.run)  # fmt: skip
        for t in range(tile + some * p // MOST, tile + some * (p + 1) // MOST):
            to = _pixel(s, target, t) + k
            for i in range(s.m):
                fetch(y, to + i * target.K)
                fetch(y, to + i * target.K + lanes)


@inlined
def _pixel(s: Strips, target: Target, tile: int) -> int:
    """The element of y that tile `tile` of a strip begins at."""
    row, column = tile // s.tiles, tile % s.tiles * s.m
    return target.at + (row * target.Q + column) * target.K


@inlined
def _write_tiles(
    s: Strips, rectify: bool, buffers: Buffers, target: Target, tile: int, some: int, k: int
) -> None:
    """y = A^T M of `some` tiles: in place where tile and panel are whole, else by `result`."""
    lanes, width = lanes_of(buffers.V), 2 * lanes_of(buffers.V)
    M, result, y, K = buffers.M, buffers.result, target.y, target.K
    down = TALL * width
    for t in range(some):
        column, to = (tile + t) % s.tiles * s.m, _pixel(s, target, tile + t) + k
        whole = column + s.m <= target.Q and k + width <= K
        for e in range(0, width, lanes):  # (m,MOST) x (MOST,L) -> y (m,L)
            at = t * width + e
            if whole and rectify:
                _a_rectified(s.m, M, at, down, y, to + e, K)
            elif whole:
                _a(s.m, M, at, down, y, to + e, K)
            elif rectify:
                _a_rectified(s.m, M, at, down, result, e, width)
            else:
                _a(s.m, M, at, down, result, e, width)
        if not whole:
            for i in range(min(s.m, target.Q - column)):
                copy_line(result, i * width, y, to + i * K, min(width, K - k))
