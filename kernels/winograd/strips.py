"""Filters, products and outputs of Winograd's algorithm along rows, for one strip of rows.

    U (MOST,R run,K) = G g    M (MOST,tiles,K) = V U    y = A^T M + bias

The products of MR tiles and one panel of filters are transformed to outputs while they are in the
nearest cache. V is `one_dimensional.transform_strip`'s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.contract.compilation import entry_point, optimised, subroutine
from kernels.cpu.combine import combine
from kernels.cpu.lines import copy_run
from kernels.cpu.micro_kernel import MR
from kernels.cpu.micro_kernel_in_place import outer_in_place
from kernels.cpu.vector import fetch, lanes_of
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
    """Where the outputs of a strip go: y (...,Q,K), flat, from element `at` on; pixels are `apart`
    elements from each other."""

    at: int
    Q: int
    K: int
    apart: int


@subroutine
def new_buffers(V: np.ndarray) -> Buffers:
    width = 2 * lanes_of(V)
    M, result = np.empty(MOST * MR * width, V.dtype), np.empty(MOST * width, V.dtype)
    return Buffers(V, M, result)


@entry_point()
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


@subroutine
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


@subroutine
def multiply_strip(
    s: Strips, layer: Layer, buffers: Buffers, y: np.ndarray, target: Target, count: int
) -> None:
    """A strip's `count` rows of outputs: MR tiles and a panel of filters at a time."""
    V, M, result = buffers
    U, starts, bias, zeros, rectify = layer
    _multiply(V, starts, s.m, s.tiles, s.run, s.each, U, zeros, M, result, bias, rectify,
              y, target.at, count, target.Q, target.K, target.apart)  # fmt: skip


# One function without structures or inlined parts: LLVM compiles the same loops to code that takes
# 3 to 4 % longer where an array or a size is a field, or the writing of tiles a function;
# and 4 % longer where it is not optimised before it is linked.
@optimised
def _multiply(  # type: ignore[no-untyped-def]
    V, starts, m, tiles, run, each, U, zeros, M, result, bias, rectify, y, pixel, count, Q, K, apart
):
    lanes = lanes_of(V)
    width, terms = 2 * lanes, starts.size * run
    for tile in range(0, count * tiles, MR):
        some = min(MR, count * tiles - tile)
        for panel in range((K + width - 1) // width):
            k = panel * width
            for p in range(MOST):
                # The value of the point 1 is in every output once: the bias is added there.
                begin, begin_at = (bias, k) if p == ONE else (zeros, 0)
                # (MR,R run) x (R run,2L) -> M (MR,2L)
                outer_in_place(V, p * each + tile * run, run, starts,
                               U, (panel * MOST + p) * terms * width, begin, begin_at, False,
                               M, p * MR * width, width, run)  # fmt: skip
                # Meanwhile the lines of y for some of the tiles' outputs are prefetched.
                for t in range(tile + some * p // MOST, tile + some * (p + 1) // MOST):
                    to = pixel + (t // tiles * Q + t % tiles * m) * apart + k
                    for i in range(m):
                        fetch(y, to + i * apart)
                        fetch(y, to + i * apart + lanes)
            for t in range(some):  # y = A^T M, in place where tile and panel are whole
                row, column = (tile + t) // tiles, (tile + t) % tiles * m
                to = pixel + (row * Q + column) * apart + k
                whole = column + m <= Q and k + width <= K
                for e in range(0, width, lanes):  # (m,MOST) x (MOST,L) -> y (m,L)
                    at, step = t * width + e, MR * width
                    if whole and rectify:
                        _a_rectified(m, M, at, step, y, to + e, apart)
                    elif whole:
                        _a(m, M, at, step, y, to + e, apart)
                    elif rectify:
                        _a_rectified(m, M, at, step, result, e, width)
                    else:
                        _a(m, M, at, step, result, e, width)
                if not whole:
                    for i in range(min(m, Q - column)):
                        copy_run(result, i * width, y, to + i * apart, min(width, K - k))
