"""Convolution by Winograd's algorithm along rows alone: for few channels, as in a first layer.

    y = A^T [sum over r, c of (G g) o (B^T d)]

Tiles of m = 9 - r outputs of one row, with r taps per phase of the stride, take 8 products for each
row of taps (`winograd/one_dimensional.py`: why one axis, and how x is cut into strips). For each
strip of rows a thread transforms the pixels, then takes 12 (or 6) tiles at a time: a panel of
filters is multiplied with them at every point, and the products are transformed to outputs while
they are in the nearest cache (`winograd/strips.py`).

8 products for 5 outputs of 4 taps each: 0.4 of the definition's 2 N K P Q C R S operations (0.46
for 7 taps at stride 2, whose 8th is 0); x, w and y are read or written once. Limited by
multiply-adds; a tenth of the time and more are the transform's.

With a pooling, y does not leave the second cache: the rows that a few rows of windows cover
are written to a buffer and pooled from there (`max_pool2d/pairs.py`); the last of them, which the
next windows cover too, are kept.

Sources: Winograd, 1980; Lavin, Gray, 2016 (arXiv 1509.09308).
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.registry import kernel
from kernels.contract.threads import pieces
from kernels.cpu.direct import bias_of_panels, without_products
from kernels.cpu.epilogue import Epilogue, apply, nothing
from kernels.cpu.lines import copy_run
from kernels.cpu.taps import WINDOWS, channels
from kernels.cpu.vector import lanes
from kernels.max_pool2d.pairs import forward as pairs
from kernels.max_pool2d.pairs import pool_rows, window_of
from kernels.winograd.one_dimensional import (
    Pixels,
    Strips,
    bind_pixels,
    strips,
    supports,
    transform_strip,
    window_starts,
    work,
)
from kernels.winograd.operations import of_rows
from kernels.winograd.strips import (
    Layer,
    Target,
    multiply_strip,
    new_buffers,
    transform_taps,
)
from kernels.winograd.toom_cook import MOST


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
    s, NR = strips(g), 2 * lanes(w.dtype)
    packed = memory.empty((-(-g.K // NR), MOST, g.R * s.run, NR), w.dtype)
    transform_taps(memory.nhwc(w), s, packed.reshape(-1))
    return packed


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    fill, pixels, layer = _operands(x, w, g, options)
    out, apart = memory.rows(y)
    outputs = Outputs(g.N, g.P, g.Q, g.K, apart)
    s = strips(g)
    multiply = partial(_strips, pixels, s, layer, out, outputs, pieces(g.N * -(-g.P // s.rows)),
                       options.epilogue or nothing(x.dtype))  # fmt: skip
    return in_turn(*fill, multiply)


def bind_pooled(
    x: np.ndarray,
    w: np.ndarray,
    g: ConvGeometry,
    pool: PoolGeometry,
    out: tuple[np.ndarray, np.ndarray],
    options: Options,
) -> Call:
    """The call of `forward` that writes `out`: the pooled y and its switches."""
    fill, pixels, layer = _operands(x, w, g, options)
    number = WINDOWS.index((pool.R, pool.S, pool.stride[0]))
    pooling = Pooling(g.P, g.Q, number, channels(x.dtype))
    multiply = partial(_bands, pixels, strips(g), layer, pooling, window_of(pool),
                       memory.nhwc(out[0]), memory.flat(out[1]),
                       pieces(g.N * pool.P, 8))  # fmt: skip
    return in_turn(*fill, multiply)


def _operands(
    x: np.ndarray, w: np.ndarray, g: ConvGeometry, options: Options
) -> tuple[list[Call], Pixels, Layer]:
    """The calls that fill the pixels, the pixels, and what they meet."""
    filters = prepare(w, g) if options.prepared is None else options.prepared
    fill, pixels = bind_pixels(x, g, options.allocate)
    biases = bias_of_panels(options.bias, g.K, x.dtype)
    zeros = np.zeros(2 * lanes(x.dtype), x.dtype)
    starts = window_starts(strips(g))
    return fill, pixels, Layer(filters.reshape(-1), starts, biases, zeros, options.rectify)


@kernel(
    "conv2d",
    name="winograd_1d",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: strips(g).amplification,
        growth=lambda g: strips(g).growth,
        spreads="plane",
    ),
    cost=Cost(lambda problem: work(problem.geometry), "conv2d winograd_1d", operations=of_rows),
    abilities=Abilities(
        supports=lambda problem: supports(problem.geometry),
        prepare=prepare,
        rectifies=True,
        pools=pools,
        chunked=True,
        bind=bind,
        wide=True,
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

    Accumulates in their type. NaN and infinity come out as NaN in their whole tile; so may
    numbers where the sum in the bound times `growth` passes the type's largest. With `pool`, of
    y, the pooled values and their switches.
    """
    options = Options(bias, rectify, prepared)
    if pool is None:
        y = memory.empty(g.y_shape, x.dtype, "NHWC")
        bind(x, w, g, y, options)()
        return y
    if 0 in (x.size, math.prod(g.y_shape), w.size):
        y = without_products(memory.empty(g.y_shape, x.dtype, "NHWC"), bias, rectify)
        return pairs(y, pool)
    y = memory.empty(pool.y_shape, x.dtype, "NHWC")
    switches = memory.empty(pool.y_shape, np.int32, "NHWC")
    bind_pooled(x, w, g, pool, (y, switches), options)()
    return y, switches


class Outputs(NamedTuple):
    """Sizes of y (N,P,Q,K); its pixels are `apart` elements from each other."""

    N: int
    P: int
    Q: int
    K: int
    apart: int


class Pooling(NamedTuple):
    """How planes (P,Q) of outputs are pooled (`max_pool2d/pairs.py`)."""

    P: int
    Q: int
    number: int
    block: int


@entry_point(parallel=True)
def _strips(
    pixels: Pixels,
    s: Strips,
    layer: Layer,
    y: np.ndarray,
    outputs: Outputs,
    parts: int,
    epilogue: Epilogue,
) -> None:
    """y, flat, of the padded pixels; each thread has a share of the strips."""
    for part in numba.prange(parts):
        V = np.zeros(MOST * s.each, y.dtype)
        _share_of_strips(pixels, s, layer, y, outputs, V, np.int64(part), parts, epilogue)


@subroutine
def _share_of_strips(
    pixels: Pixels,
    s: Strips,
    layer: Layer,
    y: np.ndarray,
    outputs: Outputs,
    V: np.ndarray,
    part: int | np.int64,
    parts: int,
    epilogue: Epilogue,
) -> None:
    """One thread's share, V its memory."""
    N, P, Q, K, apart = outputs
    buffers = new_buffers(V)
    of_image = (P + s.rows - 1) // s.rows
    for strip in range(N * of_image * part // parts, N * of_image * (part + 1) // parts):
        n, p = strip // of_image, strip % of_image * s.rows
        count = min(s.rows, P - p)
        transform_strip(pixels, n, p, count, s, buffers.V)
        at = (n * P + p) * Q * apart
        multiply_strip(s, layer, buffers, y, Target(at, Q, K, apart), count)
        apply(epilogue, y, at, count * Q, apart, K)


@entry_point(parallel=True)
def _bands(
    pixels: Pixels,
    s: Strips,
    layer: Layer,
    pooling: Pooling,
    window: tuple[int, ...],
    y: np.ndarray,
    switches: np.ndarray,
    parts: int,
) -> None:
    """y (N,P',Q',K) and switches, flat: the outputs of planes (P,Q) pooled, some rows of windows at
    a time; each thread has a share of these bands."""
    for part in numba.prange(parts):
        _pool_bands(pixels, s, layer, pooling, window, y, switches, np.int64(part), parts)


@subroutine
def _pool_bands(
    pixels: Pixels,
    s: Strips,
    layer: Layer,
    pooling: Pooling,
    window: tuple[int, ...],
    y: np.ndarray,
    switches: np.ndarray,
    part: int | np.int64,
    parts: int,
) -> None:
    """One thread's share of the bands; rows that the next band's windows cover too are kept."""
    N, pooled, across, K = y.shape
    best = y.reshape(-1)  # (N,P',Q',K) -> (NP'Q'K,), the same memory
    (P, Q, number, block), buffers = pooling, new_buffers(np.zeros(MOST * s.each, y.dtype))
    R, _, stride, _, above, _ = window
    high = max(2, s.rows // stride)  # rows of windows of a band; the last has up to twice as many
    bands = max(1, pooled // high)
    planes = np.empty(((2 * high - 2) * stride + R) * Q * K, y.dtype)
    top, bottom = 0, 0
    for band in range(N * bands * part // parts, N * bands * (part + 1) // parts):
        n, b = band // bands, band % bands
        a, z = b * high, pooled if b == bands - 1 else (b + 1) * high
        begin = max(0, a * stride - above)
        end = min(P, (z - 1) * stride - above + R)
        kept = max(0, bottom - begin) if b > 0 else 0
        copy_run(planes, (begin - top) * Q * K, planes, 0, kept * Q * K)
        for p in range(begin + kept, end, s.rows):
            count = min(s.rows, end - p)
            transform_strip(pixels, n, p, count, s, buffers.V)
            multiply_strip(s, layer, buffers, planes, Target((p - begin) * Q * K, Q, K, K), count)
        top, bottom = begin, end
        for pair in range((z - a + 1) // 2):
            p = min(a + 2 * pair, z - 2)
            to = (n * pooled + p) * across * K
            pool_rows(number, planes, -begin * Q * K, P, Q, K, p, 2, window, best, switches,
                      to, across, block)  # fmt: skip
