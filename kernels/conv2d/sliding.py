"""Convolution that multiplies windows where they lie: for few channels, as in a first layer.

    y[n, p, q, k] = sum over r of x[n, s p + r, (s q) .. (s q + S), :] w[k, r, :, :] + bias[k]

In channels-last memory the S C terms of one row of a window lie side by side, and the windows of
neighbouring outputs begin s C elements apart. So a tile of 6 (or 12) of them needs no packing: its
rows are read through that step (`outer_runs` in `kernels/vector.py`), each pixel up to S R / s^2
times, from the nearest cache. Padding is written once, round a copy of x. 2 N K P Q C R S
operations; limited by the processor's multiply-adds. The filters of a panel must stay in the
nearest cache too, which bounds the terms; `direct.py` serves longer sums.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels import memory
from kernels.conv2d.direct import prepare, terms
from kernels.costs import Rates, Work, up
from kernels.direct import bias_of_panels, without_products
from kernels.geometry import ConvGeometry
from kernels.registry import kernel
from kernels.vector import MACHINE, TALL, outer_runs

WIDTH = MACHINE.width
MOST_TERMS = 400
RATES = Rates(product=0.0127, term=0.00943, output=0.215, weight=13, call=57e3)


def supports(g: ConvGeometry) -> bool:
    """One group, neighbouring taps along a row, and few terms a window."""
    return g.groups == 1 and g.dilation[1] == 1 and g.C * g.R * g.S <= MOST_TERMS


def work(g: ConvGeometry) -> Work:
    """Rows in whole tiles, filters in whole panels of 16; the pixels of x are copied once."""
    filters, pixels = up(g.K, 16), g.N * g.P * up(g.Q, TALL)
    each = g.C * g.R * g.S
    return Work(pixels * each * filters, g.N * g.C * g.H * g.W, pixels * filters, each * filters)


def cost(g: ConvGeometry) -> float:
    """Nanoseconds, from the work and the rates (`kernels/costs.py`)."""
    return RATES.cost(work(g))


def preparation(g: ConvGeometry) -> float:
    """Of these, those of the weights."""
    return RATES.preparation(work(g))


@kernel(
    "conv2d",
    name="sliding",
    supports=supports,
    cost=cost,
    error_bound=terms,
    spreads="padding",
    prepare=prepare,
    preparation=preparation,
    rectifies=True,
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
    if 0 in (x.size, y.size, w.size):
        return without_products(y, bias, rectify)
    packed = prepare(w, g) if prepared is None else prepared
    all_bias = bias_of_panels(bias, g.K, x.dtype)
    pixels, places = _padded(memory.nhwc(x), g)
    _rows(pixels, places, packed.reshape(-1), memory.nhwc(y), all_bias, rectify, (g.R, g.S * g.C),
          g.stride[1] * g.C)  # fmt: skip
    return y


def _padded(x: np.ndarray, g: ConvGeometry) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """(flat pixels of x (N,H,W,C) with the padding written out, where the windows lie in them).

    Where: the element at which the first begins; elements to the next image, to the next row of
    windows, to the next row of taps. There is room for whole tiles of windows.
    """
    top, left = g.padding[0], g.padding[2]
    above, below, before, after = (max(pad, 0) for pad in g.padding)
    N, H, W, C = x.shape
    room = max(0, TALL - g.Q) * g.stride[1]
    if above or below or before or after or room:
        wide = memory.empty((N, H + above + below, W + before + after + room, C), x.dtype)
        _surround(x, wide, above, before)
        x = wide
    row = x.shape[2] * C
    first = max(-top, 0) * row + max(-left, 0) * C
    return x.reshape(-1), (first, x.shape[1] * row, g.stride[0] * row, g.dilation[0] * row)


@numba.njit(parallel=True, cache=True)
def _surround(x, wide, above, before):  # type: ignore[no-untyped-def]
    """Write x (N,H,W,C) into `wide` (N,H',W',C) at row `above` and column `before`, 0 around it."""
    N, H, W, C = x.shape
    tall, broad = wide.shape[1] * N, wide.shape[2] * C
    source, to = x.reshape(-1), wide.reshape(-1)
    begin, end = before * C, (before + W) * C
    for row in numba.prange(tall):
        n, h = row // wide.shape[1], row % wide.shape[1] - above
        inside = 0 <= h < H
        start = (n * H + h) * W * C - begin
        for e in range(broad):
            to[row * broad + e] = source[start + e] if inside and begin <= e < end else 0


@numba.njit(parallel=True, cache=True)
def _rows(x, places, packed, y, bias, rectify, taps, step):  # type: ignore[no-untyped-def]
    """y by rows: a thread takes one, and a panel of filters goes along all of it.

    taps: rows of a window, and terms in each; step: elements from one window to the next.
    """
    N, P, Q, K = y.shape
    first, image, down, tap_row = places
    wide = 2 * (WIDTH // y.itemsize)
    panels, terms = (K + wide - 1) // wide, taps[0] * taps[1]
    out = y.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    for unit in numba.prange(N * P):
        n, p = unit // P, unit % P
        edge = np.empty(TALL * wide, x.dtype)
        row = first + n * image + p * down
        for panel in range(panels):
            k, b = panel * wide, panel * terms * wide
            for q in range(0, Q, TALL):
                q0 = max(0, min(q, Q - TALL))  # the last tile overlaps the one before
                a, to = row + q0 * step, (unit * Q + q0) * K + k
                # (TALL,RSC) x (RSC,2L) -> (TALL,2L)
                if k + wide <= K and Q >= TALL:
                    outer_runs(x, a, step, tap_row, packed, b, bias, k, rectify, out, to, K,
                               taps[0], taps[1])  # fmt: skip
                    continue
                outer_runs(x, a, step, tap_row, packed, b, bias, k, rectify, edge, 0, wide,
                           taps[0], taps[1])  # fmt: skip
                for t in range(min(TALL, Q)):
                    for e in range(min(wide, K - k)):
                        out[to + t * K + e] = edge[t * wide + e]
