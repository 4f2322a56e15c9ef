"""Pointwise (1 x 1) convolution: a matrix product with the pixels of x, read in place.

    y[(n p q), k] = x[(n p q), c] w[k, c] + bias[k]

A window of one tap at stride 1 is the channels of a pixel, so nothing is unfolded or packed.
`kernels/cpu/in_place.py` has the algorithm: tiles of 6 to 12 (or 3 to 6) pixels, which may cross
the ends of rows and images, by panels of filters, shared out in pieces of equal work. 2 N K P Q C
operations; limited by the processor's multiply-adds, with few pixels by reading the filters.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import bias_of_panels, without_products
from kernels.cpu.epilogue import nothing
from kernels.cpu.filters import pack_filters, terms
from kernels.cpu.in_place import Tiles, multiply, tiles
from kernels.cpu.micro_kernel_in_place import SHORT

ONE_RUN = np.zeros(1, np.int64)
"""Where the one run of terms of a window begins."""


def supports(problem: Problem) -> bool:
    """One tap, stride 1, no padding, one group."""
    g = problem.geometry
    return (g.R, g.S, g.stride, g.padding, g.groups) == (1, 1, (1, 1), (0, 0, 0, 0), 1)


def work(problem: Problem) -> Work:
    """Multiply-adds with filters in whole vectors of 16; a tile of one pixel waits for its sums."""
    g = problem.geometry
    pixels, filters = g.N * g.P * g.Q, up(g.K, 16)
    products = (pixels if pixels >= SHORT else 2 * pixels) * g.C * filters
    return Work(products, pixels * g.C, pixels * filters, g.C * filters)


@lru_cache(maxsize=256)
def _tiles(pixels: int, C: int, K: int, itemsize: int) -> Tiles:
    """All pixels are one row of windows."""
    return tiles(np.zeros(1, np.int64), pixels, C, (C + K) * itemsize, K, C)


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    packed = pack_filters(w, g) if options.prepared is None else options.prepared
    all_bias = bias_of_panels(options.bias, g.K, x.dtype)
    of = _tiles(g.N * g.P * g.Q, g.C, g.K, x.itemsize)
    epilogue, (out, row) = options.epilogue or nothing(x.dtype), memory.rows(y)
    return partial(multiply, memory.flat(x), of, g.C, ONE_RUN, g.C, packed.reshape(-1), all_bias,
                   options.rectify, epilogue, out, g.K, row)  # fmt: skip


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
