"""Pointwise (1 x 1) convolution: a matrix product with the pixels of x, read in place.

    y[(n p q), k] = x[(n p q), c] w[k, c] + bias[k]

A window of one tap at stride 1 is the channels of a pixel, so nothing is unfolded or packed. y is
computed in tiles of up to MR pixels, which may cross the ends of rows and images, by a panel of NR
filters (`outer_rows` in `kernels/cpu/micro_kernel_in_place.py`). The order of the tiles is

    for block of pixels:        its pixels of x and y stay in the L2 cache
        for panel of filters:   stays in a near cache; meanwhile the next one is prefetched
            for tile of pixels

and the whole sequence is cut into PIECES of equal work, which threads share: a part of the pixels
each where there are many, a part of the filters where a plane is small. 2 N K P Q C operations;
limited by the processor's multiply-adds, with few pixels by reading the filters.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.machine import CACHE_LINE
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import bias_of_panels, without_products
from kernels.cpu.epilogue import apply, nothing
from kernels.cpu.filters import pack_filters, terms
from kernels.cpu.micro_kernel import MR, UNROLL
from kernels.cpu.micro_kernel_in_place import FETCHED, SHORT, outer_rows
from kernels.cpu.vector import lanes_of

PIECES = 24
"""Pieces of a small layer, or for each LARGE products of a large one: 2, 3, 4, 6, 8 threads have
the same number of them."""
LARGE = 24 << 22
BLOCK_BYTES = 128 << 10
"""Of the pixels of x and y of a block."""
BLOCK_PIXELS = 96
"""Of a block at least: they share a panel."""


class Tiles(NamedTuple):
    """The tiles of all pixels: `tall` ones divide the first `pixels` evenly, then one a pixel."""

    total: int
    tall: int
    pixels: int
    block: int
    """Tiles of a block; the last may have fewer."""
    pieces: int


def tiles(g: ConvGeometry, itemsize: int) -> Tiles:
    """Tiles of SHORT to MR pixels as far as these can be divided so."""
    pixels = g.N * g.P * g.Q
    tall = -(-pixels // MR)
    if pixels < tall * SHORT:
        tall = pixels // MR
    in_tall = min(pixels, tall * MR)
    total = tall + pixels - in_tall
    most = max(BLOCK_PIXELS, BLOCK_BYTES // ((g.C + g.K) * itemsize)) // MR
    blocks = -(-total // most)
    pieces = PIECES * max(1, pixels * g.C * g.K // LARGE)
    return Tiles(total, tall, in_tall, -(-total // blocks), pieces)


def supports(problem: Problem) -> bool:
    """One tap, stride 1, no padding, one group."""
    g = problem.geometry
    return (g.R, g.S, g.stride, g.padding, g.groups) == (1, 1, (1, 1), (0, 0, 0, 0), 1)


def work(problem: Problem) -> Work:
    """Multiply-adds with filters in whole vectors of 16; a tile of one pixel waits for its sums."""
    g, pixels = problem.geometry, problem.geometry.N * problem.geometry.P * problem.geometry.Q
    alone = pixels - tiles(g, 4).pixels
    filters = up(g.K, 16)
    return Work((pixels + 3 * alone) * g.C * filters, pixels * g.C, pixels * filters, g.C * filters)


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    packed = pack_filters(w, g) if options.prepared is None else options.prepared
    all_bias = bias_of_panels(options.bias, g.K, x.dtype)
    epilogue = options.epilogue or nothing(x.dtype)
    out, row = memory.rows(y)
    return partial(_pieces, memory.flat(x), packed.reshape(-1), out, all_bias, options.rectify,
                   g.C, g.K, row, tiles(g, x.itemsize), epilogue)  # fmt: skip


@kernel(
    "conv2d",
    name="pointwise",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d pointwise"),
    abilities=Abilities(
        supports=supports, prepare=pack_filters, rectifies=True, bind=bind, wide=True
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
) -> np.ndarray:
    """x (N,C,H,W), w (K,C,1,1), bias (K,) -> y (N,K,H,W), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    bind(x, w, g, y, Options(bias, rectify, prepared))()
    return y


@entry_point(parallel=True)
def _pieces(x, packed, y, bias, rectify, C, K, row, of, epilogue):  # type: ignore[no-untyped-def]
    """y, flat (NHW,K), its pixels `row` elements apart, of x, flat (NHW,C).

    A position is a tile of one vector of filters.
    """
    lanes = lanes_of(y)
    positions = of.total * ((K + lanes - 1) // lanes)
    for i in numba.prange(of.pieces):
        piece = np.int64(i)
        first, end = piece * positions // of.pieces, (piece + 1) * positions // of.pieces
        _piece(x, packed, y, bias, rectify, C, K, row, of, epilogue, first, end)


@subroutine
def _piece(x, packed, y, bias, rectify, C, K, row, of, epilogue, first, end):  # type: ignore[no-untyped-def]
    """The tiles that begin at the positions from `first` to `end`."""
    lanes = lanes_of(y)
    vectors = (K + lanes - 1) // lanes
    of_block = of.block * vectors
    while first < end:
        block = first // of_block
        tile0 = block * of.block
        count = min(of.block, of.total - tile0)
        panel = (first - block * of_block) // (2 * count)
        width = min(2, vectors - 2 * panel)
        begin = block * of_block + 2 * count * panel
        tile = (first - begin + width - 1) // width
        last = min(count, (end - begin + width - 1) // width)
        _panel(x, packed, y, bias, rectify, C, K, row, of, epilogue, panel, tile0, tile,
               last)  # fmt: skip
        first = begin + count * width


@subroutine
def _panel(x, packed, y, bias, rectify, C, K, row, of, epilogue, panel, tile0, tile, last):  # type: ignore[no-untyped-def]  # fmt: skip
    """A panel of filters by the tiles from number `tile` to `last` of the block from tile0 on."""
    NR, line = 2 * lanes_of(y), CACHE_LINE // y.itemsize
    k, b, first = panel * NR, panel * C * NR, _pixel(of, tile0 + tile)
    # After the last panel the next block has the first one again.
    following = C * NR if k + NR < K else -b
    pixel = first
    for t in range(tile, last):
        end = _pixel(of, tile0 + t + 1)
        # Each tile prefetches FETCHED of the lines of UNROLL terms of the next panel.
        ahead = following + t * FETCHED * line if t * FETCHED * line < UNROLL * NR else 0
        # (rows,C) x (C,2L) -> (rows,2L)
        outer_rows(end - pixel, x, pixel * C, C, C, packed, b, bias, k, rectify, y,
                   pixel * row + k, row, K - k, ahead)  # fmt: skip
        pixel = end
    apply(epilogue, y, first * row + k, pixel - first, row, min(NR, K - k))


@subroutine
def _pixel(of, tile):  # type: ignore[no-untyped-def]
    """The first pixel of a tile."""
    if tile < of.tall:
        return tile * of.pixels // of.tall
    return of.pixels + tile - of.tall
