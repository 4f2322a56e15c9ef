"""Pointwise (1 x 1) convolution: a matrix product with the pixels of x, read in place.

    y[(n p q), k] = x[(n p q), c] w[k, c] + bias[k]

A window of one tap at stride 1 is the channels of a pixel, so nothing is unfolded or packed. Tiles
of 6 (or 12) pixels are read in place (`outer_in_place` in `kernels/cpu/micro_kernel.py`) and may
cross the ends of rows and images. A thread processes a block of pixels that stay in the L2 cache
while it goes through all panels of filters. 2 N K P Q C operations; limited by the processor's
multiply-adds.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import balanced, bias_of_panels, without_products
from kernels.cpu.epilogue import apply, nothing
from kernels.cpu.filters import pack_filters, terms
from kernels.cpu.lines import copy_run
from kernels.cpu.micro_kernel import MR, outer_in_place
from kernels.cpu.vector import lanes_of


def supports(problem: Problem) -> bool:
    """One tap, stride 1, no padding, one group, and at least a tile of pixels."""
    g = problem.geometry
    plain = (g.R, g.S, g.stride, g.padding, g.groups) == (1, 1, (1, 1), (0, 0, 0, 0), 1)
    return plain and g.N * g.P * g.Q >= MR


def work(problem: Problem) -> Work:
    """Multiply-adds with filters in whole panels of 32."""
    g = problem.geometry
    pixels, filters = up(g.N * g.P * g.Q, MR), up(g.K, 32)
    return Work(pixels * g.C * filters, pixels * g.C, pixels * filters, g.C * filters)


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    packed = pack_filters(w, g) if options.prepared is None else options.prepared
    all_bias = bias_of_panels(options.bias, g.K, x.dtype)
    pixels = g.N * g.P * g.Q
    block, blocks = balanced(pixels)
    rows = memory.nhwc(y).reshape(pixels, g.K)  # (N,H,W,K) -> (NHW,K), the same memory
    epilogue = options.epilogue or nothing(x.dtype)
    return partial(_blocks, memory.flat(x), packed.reshape(-1), rows, all_bias, options.rectify,
                   g.C, block, blocks, epilogue)  # fmt: skip


@kernel(
    "conv2d",
    name="pointwise",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d pointwise"),
    abilities=Abilities(supports=supports, prepare=pack_filters, rectifies=True, bind=bind),
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
def _blocks(x, packed, y, bias, rectify, C, block, blocks, epilogue):  # type: ignore[no-untyped-def]
    """y (NHW,K) of x, flat (NHW,C), a block of pixels at a time."""
    one_run = np.zeros(1, np.int64)  # offset of a pixel's one run of channels
    for unit in numba.prange(blocks):
        edge = np.empty(MR * 2 * lanes_of(y), y.dtype)
        first = np.int64(unit) * block
        end, K = min(first + block, len(y)), y.shape[1]
        _block(x, packed, y, bias, rectify, C, first, end, one_run, edge)
        apply(epilogue, y.reshape(-1), first * K, end - first, K, K)  # (NHW,K) -> (NHWK,)


@subroutine
def _block(x, packed, y, bias, rectify, C, first, end, one_run, edge):  # type: ignore[no-untyped-def]
    """The pixels from `first` to `end`; edge (MR,2L): a tile that is written in part."""
    pixels, K = y.shape
    NR = 2 * lanes_of(y)
    out = y.reshape(-1)  # (NHW,K) -> (NHWK,), the same memory
    for panel in range((K + NR - 1) // NR):
        k, b, tile = panel * NR, panel * C * NR, first
        while tile < end:
            # The last tile begins earlier, so that it is a whole one; it recomputes some pixels.
            t = min(tile, pixels - MR)
            # (MR,C) x (C,2L) -> (MR,2L)
            if t == tile and k + NR <= K:
                outer_in_place(x, t * C, C, one_run, packed, b, bias, k, rectify, out,
                           t * K + k, K, C)  # fmt: skip
            else:
                outer_in_place(x, t * C, C, one_run, packed, b, bias, k, rectify, edge, 0,
                           NR, C)  # fmt: skip
                for row in range(tile - t, MR):
                    copy_run(edge, row * NR, out, (t + row) * K + k, min(NR, K - k))
            tile += MR
