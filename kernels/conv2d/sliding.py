"""Convolution with windows read in place, not packed.

    y[n, p, q, k] = sum over r of x[n, s p + r, (s q) .. (s q + S), :] w[k, r, :, :] + bias[k]

In channels-last memory the S C terms of one row of a window are contiguous, and the windows of
neighbouring outputs begin s C elements apart. So a tile of 6 to 12 (or 3 to 6) windows of a row
needs no packing: it is read with that stride, each pixel up to S R / s^2 times, from a near cache
(`kernels/cpu/in_place.py`). x is copied once into a padded plane. 2 N K P Q C R S operations;
limited by the processor's multiply-adds.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import bias_of_panels, without_products
from kernels.cpu.epilogue import nothing
from kernels.cpu.filters import pack_filters, terms
from kernels.cpu.in_place import Tiles, multiply, tiles
from kernels.cpu.micro_kernel_in_place import SHORT
from kernels.cpu.padded import bind_padded


def supports(problem: Problem) -> bool:
    """One group, and no dilation along a row."""
    g = problem.geometry
    return g.groups == 1 and g.dilation[1] == 1


def work(problem: Problem) -> Work:
    """Multiply-adds with filters in whole vectors of 16; x is copied once.

    A tile of one window waits for its sums. A tile reads its rows of taps a vector at a time,
    however few the filters.
    """
    g = problem.geometry
    filters, pixels = up(g.K, 16), g.N * g.P * (g.Q if g.Q >= SHORT else 2 * g.Q)
    each = g.C * g.R * g.S
    vectors = runs_of(g) * up(g.S * g.C, 16) / 16
    return Work(pixels * each * filters, g.N * g.C * g.H * g.W, pixels * filters, each * filters,
                runs=vectors)  # fmt: skip


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    packed = pack_filters(w, g) if options.prepared is None else options.prepared
    all_bias = bias_of_panels(options.bias, g.K, x.dtype)
    surround, pixels, places = bind_padded(memory.nhwc(x), g, 0, options.allocate)
    epilogue, step = options.epilogue or nothing(x.dtype), g.stride[1] * g.C
    of, starts = _tiles(g, places, x.itemsize)
    out, row = memory.rows(y)
    return in_turn(*surround, partial(
        multiply, pixels, of, step, starts, g.S * g.C, packed.reshape(-1), all_bias,
        options.rectify, epilogue, out, g.K, row,
    ))  # fmt: skip


@lru_cache(maxsize=256)
def _tiles(
    g: ConvGeometry, places: tuple[int, int, int, int], itemsize: int
) -> tuple[Tiles, np.ndarray]:
    """Tiles of the rows of windows, and where the rows of taps of a window begin, (R,)."""
    first, image, down, taps = places
    rows = first + np.add.outer(np.arange(g.N) * image, np.arange(g.P) * down)
    step = g.stride[1] * g.C
    read = (g.stride[0] * step + g.K) * itemsize
    # (N,P) -> (NP,)
    of = tiles(rows.reshape(-1), g.Q, step, read, g.K, g.C * g.R * g.S)
    return of, np.arange(g.R) * taps


@kernel(
    "conv2d",
    name="sliding",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, "conv2d sliding"),
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
    """x (N,C,H,W), w (K,C,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    bind(x, w, g, y, Options(bias, rectify, prepared))()
    return y
