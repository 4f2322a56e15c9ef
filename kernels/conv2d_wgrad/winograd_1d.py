"""Weights' gradient by Winograd's algorithm along rows: for few channels, as in a first layer.

    gw = G^T [sum over tiles of (B^T d) o (A gy)]

The transpose of `conv2d/winograd_1d.py` in w: the tiles, points and strips of the forward pass, and
as many products. For each strip a thread transforms the pixels; then, a panel of filters at a time,
gy, which is read once, and adds their products at every point to a part's sums: a run of 4 to 8
terms times two or three vectors of filters stay in registers while the strip's tiles are added
(`winograd/strip_gradient.py`). The strips are divided into parts that depend on the geometry alone;
their sums are added in order and transformed to taps, so any number of threads gives the same bits.
Limited by multiply-adds.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.contract.threads import partial_sums
from kernels.cpu.direct import without_products
from kernels.cpu.vector import lanes
from kernels.winograd.one_dimensional import (
    Pixels,
    Strips,
    apart,
    pixels_of,
    strips,
    supports,
    transform_strip,
    window_starts,
    work,
)
from kernels.winograd.operations import of_rows_wgrad
from kernels.winograd.strip_gradient import Buffers, Panels, accumulate, transform_gradient
from kernels.winograd.toom_cook import MOST, filter_matrix


@lru_cache
def _matrix(taps: int) -> np.ndarray:
    """G (MOST,taps)."""
    return np.array(filter_matrix(taps), float)


def parts(g: ConvGeometry) -> int:
    """Of the strips, each summed by one thread."""
    return partial_sums(g.N * g.P * g.Q)


def amplified_roundings(g: ConvGeometry) -> float:
    """As of the forward pass, with a sum over tiles, and over parts, for that over terms."""
    s = strips(g)
    return s.amplification * (g.N * g.P * s.tiles + parts(g) + 3 * MOST + 3)


@kernel(
    "conv2d_wgrad",
    name="winograd_1d",
    accuracy=Accuracy(
        exact=False,
        bound=amplified_roundings,
        norm_wise=True,
        amplification=lambda g: strips(g).amplification,
        growth=lambda g: strips(g).growth,
        spreads="plane",
    ),
    cost=Cost(
        lambda problem: work(problem.geometry), "conv2d_wgrad winograd_1d", operations=of_rows_wgrad
    ),
    abilities=Abilities(supports=lambda problem: supports(problem.geometry), chunked=True),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    s, count = strips(g), parts(g)
    width = _width(g.K, x.dtype)
    sums = memory.empty((count, MOST, g.R * s.run, up(g.K, width)), x.dtype)
    sums[...] = 0
    each = apart(s.rows * s.tiles * width)
    panels = Panels(width, up(g.K, width), each, g.P, g.Q, g.K)
    _shares(pixels_of(x, g), window_starts(s), s, memory.flat(gy), sums.reshape(-1), panels, g.N,
            count)  # fmt: skip
    _total(sums, _matrix(s.taps).astype(x.dtype), s, memory.nhwc(gw))
    return gw


def _width(filters: int, dtype: np.dtype) -> int:
    """Filters of a panel: three vectors, or two where those leave fewer places empty."""
    three, two = (vectors * lanes(dtype) for vectors in (3, 2))
    return three if up(filters, three) <= up(filters, two) else two


@entry_point(parallel=True)
def _shares(
    pixels: Pixels,
    starts: np.ndarray,
    s: Strips,
    gy: np.ndarray,
    sums: np.ndarray,
    panels: Panels,
    N: int,
    parts: int,
) -> None:
    """sums (parts,MOST,R run,row), flat: over each part of the strips."""
    for part in numba.prange(parts):
        _share_of_strips(pixels, starts, s, gy, sums, panels, N, np.int64(part), parts)


@subroutine
def _share_of_strips(
    pixels: Pixels,
    starts: np.ndarray,
    s: Strips,
    gy: np.ndarray,
    sums: np.ndarray,
    panels: Panels,
    N: int,
    part: int | np.int64,
    parts: int,
) -> None:
    width, _, each, P, Q, K = panels
    buffers = Buffers(
        np.zeros(MOST * s.each, gy.dtype),
        np.empty(MOST * each, gy.dtype),
        np.zeros(MOST * width, gy.dtype),
    )
    to, of_image = part * MOST * s.R * s.run * panels.row, (P + s.rows - 1) // s.rows
    for strip in range(N * of_image * part // parts, N * of_image * (part + 1) // parts):
        n, p = strip // of_image, strip % of_image * s.rows
        count = min(s.rows, P - p)
        transform_strip(pixels, n, p, count, s, buffers.V)
        for k in range(0, K, width):
            at = (n * P + p) * Q * K + k
            transform_gradient(gy, at, count, s, panels, min(width, K - k), buffers)
            upcoming = at + width if k + width < K else at - k + count * Q * K
            accumulate(gy, upcoming, count, s, panels, buffers, starts, sums, to + k)


@entry_point()
def _total(sums: np.ndarray, G: np.ndarray, s: Strips, gw: np.ndarray) -> None:
    """gw (K,R,S,C) = G^T of the parts' sums (parts,MOST,R run,row), in their order."""
    K, R, S, C = gw.shape
    flat = gw.reshape(-1)  # (K,R,S,C) -> (KRSC,), the same memory
    for part in range(1, len(sums)):
        for p in range(MOST):
            sums[0, p] += sums[part, p]
    for r in range(R):
        for e in range(S * C):
            term, j = r * s.run + e % s.across, e // s.across
            for k in range(K):
                total = sums[0, 0, term, k] * G[0, j]
                for p in range(1, MOST):
                    total += sums[0, p, term, k] * G[p, j]
                flat[(k * R + r) * S * C + e] = total
