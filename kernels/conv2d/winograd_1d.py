"""Convolution by Winograd's algorithm along rows alone: for few channels, as in a first layer.

`kernels/winograd/one_dimensional.py` tells how. For each strip of rows a thread transforms the
pixels, then takes 12 (or 6) tiles at a time: a panel of filters is multiplied with them at every
point, and the products are transformed to outputs while they are in the nearest cache. 8 products
for 5 outputs of 4 taps each: 0.4 of the definition's 2 N K P Q C R S operations (0.46 for 7 taps at
stride 2, whose 8th is 0); limited by the processor's multiply-adds, a tenth and more are the
transform's.

What is pooled does not leave the second cache: as many rows as some rows of windows see are written
to a buffer and pooled from there (`max_pool2d/pairs.py`); the last of them, which the next windows
see too, are kept.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.registry import kernel
from kernels.cpu.combine import combine
from kernels.cpu.direct import bias_of_panels, without_products
from kernels.cpu.lines import copy_line
from kernels.cpu.micro_kernel import TALL, outer_runs
from kernels.cpu.padded import padded
from kernels.cpu.taps import WINDOWS, channels
from kernels.cpu.vector import fetch, lanes, lanes_of
from kernels.max_pool2d.pairs import forward as pairs
from kernels.max_pool2d.pairs import pool_rows, window_of
from kernels.winograd.one_dimensional import (
    TILES,
    room,
    strips,
    supports,
    told,
    transform_strip,
    work,
)
from kernels.winograd.operations import of_rows
from kernels.winograd.toom_cook import MOST, POINTS, filter_matrix, output_matrix

ONE = POINTS.index(1)

_g = combine({taps: filter_matrix(taps) for taps in TILES})
_a = combine({m: output_matrix(m) for m in TILES.values()})
_a_rectified = combine({m: output_matrix(m) for m in TILES.values()}, rectify=True)


def amplified_roundings(g: ConvGeometry) -> float:
    """As of two dimensions (`winograd_tiles.roundings`): three transforms with at most MOST
    roundings each, one for each term of the product; the bias, and the entries of G."""
    s = strips(g)
    return s.amplification * (g.R * s.run + 3 * MOST + 3)


def pools(g: ConvGeometry, p: PoolGeometry) -> bool:
    """Whether `max_pool2d/pairs.py` serves it by itself."""
    return pairs.supports(p)


def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The filters at every point, (panels,MOST,R run,2L)."""
    s, wide = strips(g), 2 * lanes(w.dtype)
    packed = memory.empty((-(-g.K // wide), MOST, g.R * s.run, wide), w.dtype)
    _filters(memory.nhwc(w), told(g), packed.reshape(-1))
    return packed


@numba.njit(cache=True)
def _filters(w, told, packed):  # type: ignore[no-untyped-def]
    """packed (panels,MOST,R,run,2L), flat = G w of w (K,R,S,C), 0 where it has no tap or filter."""
    taps, run, across = told[0], told[3], told[9]
    K, R, S, C = w.shape
    lanes = lanes_of(w)
    wide, flat = 2 * lanes, w.reshape(-1)  # (K,R,S,C) -> (KRSC,), the same memory
    block = np.empty(taps * wide, w.dtype)
    for panel in range((K + wide - 1) // wide):
        for term in range(R * run):
            r, e = term // run, term % run
            for j in range(taps):
                inside = e < across and j * across + e < S * C
                for do in range(wide):
                    k = panel * wide + do
                    at = (k * R + r) * S * C + j * across + e
                    block[j * wide + do] = flat[at] if inside and k < K else 0
            to = (panel * MOST * R * run + term) * wide
            for ahead in range(0, wide, lanes):  # (MOST,taps) x (taps,L)
                _g(taps, block, ahead, wide, packed, to + ahead, R * run * wide)


@kernel(
    "conv2d",
    name="winograd_1d",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: strips(g).amplification,
        spreads="plane",
    ),
    cost=Cost(lambda problem: work(problem.geometry), "conv2d winograd_1d", operations=of_rows),
    abilities=Abilities(
        supports=lambda problem: supports(problem.geometry),
        prepare=prepare,
        rectifies=True,
        pools=pools,
        chunked=True,
    ),
)
def forward(
    x: np.ndarray,
    w: np.ndarray,
    g: ConvGeometry,
    *,
    bias: np.ndarray | None = None,
    rectify: bool = False,
    prepared: np.ndarray | None = None,
    pool: PoolGeometry | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W), w (K,C,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type. NaN and infinity come out as NaN in their whole tile. With `pool`, of
    y, the pooled values and their switches.
    """
    if 0 in (x.size, math.prod(g.y_shape), w.size):
        y = without_products(memory.empty(g.y_shape, x.dtype, "NHWC"), bias, rectify)
        return y if pool is None else pairs(y, pool)
    filters = prepare(w, g) if prepared is None else prepared
    pixels, places = padded(memory.nhwc(x), g, room(g))
    given = (pixels, places, np.array(strips(g).starts), told(g), filters.reshape(-1),
             bias_of_panels(bias, g.K, x.dtype), rectify)  # fmt: skip
    if pool is None:
        y = memory.empty(g.y_shape, x.dtype, "NHWC")
        _strips(*given, memory.nhwc(y), threads.get_num_threads())
        return y
    y = memory.empty(pool.y_shape, x.dtype, "NHWC")
    switches = memory.empty(pool.y_shape, np.int32, "NHWC")
    number = WINDOWS.index((pool.R, pool.S, pool.stride[0]))
    _bands(*given, g.P, g.Q, number, window_of(pool), memory.nhwc(y), memory.flat(y),
           memory.flat(switches), channels(x.dtype), threads.get_num_threads())  # fmt: skip
    return y, switches


@numba.njit(parallel=True, cache=True)
def _strips(x, places, starts, told, U, bias, rectify, y, parts):  # type: ignore[no-untyped-def]
    """y (N,P,Q,K) of the padded pixels x; each thread has a share of the strips."""
    N, P, Q, K = y.shape
    first, image, down, row = places
    rows, each = told[4], told[5]
    wide, out = 2 * lanes_of(y), y.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    of_image = (P + rows - 1) // rows
    for part in numba.prange(parts):
        V, M = np.zeros(MOST * each, x.dtype), np.empty(MOST * TALL * wide, x.dtype)
        result, none = np.empty(MOST * wide, x.dtype), np.zeros(wide, x.dtype)
        for strip in range(N * of_image * part // parts, N * of_image * (part + 1) // parts):
            n, p = strip // of_image, strip % of_image * rows
            count = min(rows, P - p)
            transform_strip(x, first + n * image + p * down, row, count, told, V)
            _multiply(V, starts, told, U, none, M, result, bias, rectify, out, (n * P + p) * Q,
                      count, Q, K)  # fmt: skip


@numba.njit(parallel=True, cache=True)
def _bands(x, places, starts, told, U, bias, rectify, P, Q, number, window, y, best, switches, block, parts):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """y (N,P',Q',K) and switches: the outputs of planes (P,Q) pooled, some rows of
    windows at a time; each thread has a share of these bands."""
    N, pooled, across, K = y.shape
    first, image, down, row = places
    rows, each, wide = told[4], told[5], 2 * lanes_of(y)
    R, _, stride, _, above, _ = window
    high = max(2, rows // stride)  # rows of windows of a band; the last has up to twice as many
    bands = max(1, pooled // high)
    for part in numba.prange(parts):
        V, M = np.zeros(MOST * each, x.dtype), np.empty(MOST * TALL * wide, x.dtype)
        result, none = np.empty(MOST * wide, x.dtype), np.zeros(wide, x.dtype)
        planes = np.empty(((2 * high - 2) * stride + R) * Q * K, x.dtype)
        top, bottom = 0, 0
        for band in range(N * bands * part // parts, N * bands * (part + 1) // parts):
            n, b = band // bands, band % bands
            a, z = b * high, pooled if b == bands - 1 else (b + 1) * high
            begin = max(0, a * stride - above)
            end = min(P, (z - 1) * stride - above + R)
            kept = max(0, bottom - begin) if b > 0 else 0
            copy_line(planes, (begin - top) * Q * K, planes, 0, kept * Q * K)
            for p in range(begin + kept, end, rows):
                count = min(rows, end - p)
                transform_strip(x, first + n * image + p * down, row, count, told, V)
                _multiply(V, starts, told, U, none, M, result, bias, rectify, planes,
                          (p - begin) * Q, count, Q, K)  # fmt: skip
            top, bottom = begin, end
            for pair in range((z - a + 1) // 2):
                p = min(a + 2 * pair, z - 2)
                pool_rows(number, planes, -begin * Q * K, P, Q, K, p, 2, window, best, switches,
                          (n * pooled + p) * across * K, across, block)  # fmt: skip


@numba.njit(cache=True)
def _multiply(V, starts, told, U, none, M, result, bias, rectify, y, pixel, count, Q, K):  # type: ignore[no-untyped-def]  # fmt: skip
    """A strip's outputs, from `pixel` on: TALL tiles and a panel of filters at a time.

    The bias is added at the point 1, whose value every output has once. While the products of a
    point are made, the lines that some tiles' outputs go to are fetched.
    """
    m, tiles, run, each = told[1], told[2], told[3], told[5]
    lanes = lanes_of(V)
    wide, terms = 2 * lanes, starts.size * run
    for tile in range(0, count * tiles, TALL):
        some = min(TALL, count * tiles - tile)
        for panel in range((K + wide - 1) // wide):
            k = panel * wide
            for p in range(MOST):
                # (TALL,R run) x (R run,2L) -> M (TALL,2L)
                begin, at = (bias, k) if p == ONE else (none, 0)
                outer_runs(V, p * each + tile * run, run, starts,
                           U, (panel * MOST + p) * terms * wide, begin, at, False,
                           M, p * TALL * wide, wide, run)  # fmt: skip
                for t in range(tile + some * p // MOST, tile + some * (p + 1) // MOST):
                    to = (pixel + t // tiles * Q + t % tiles * m) * K + k
                    for i in range(m):
                        fetch(y, to + i * K)
                        fetch(y, to + i * K + lanes)
            for t in range(some):
                row, column = (tile + t) // tiles, (tile + t) % tiles * m
                to = (pixel + row * Q + column) * K + k
                whole = column + m <= Q and k + wide <= K
                for ahead in range(0, wide, lanes):  # (m,MOST) x (MOST,L)
                    at, down = t * wide + ahead, TALL * wide
                    if whole and rectify:
                        _a_rectified(m, M, at, down, y, to + ahead, K)
                    elif whole:
                        _a(m, M, at, down, y, to + ahead, K)
                    elif rectify:
                        _a_rectified(m, M, at, down, result, ahead, wide)
                    else:
                        _a(m, M, at, down, result, ahead, wide)
                if not whole:
                    for i in range(min(m, Q - column)):
                        copy_line(result, i * wide, y, to + i * K, min(wide, K - k))
