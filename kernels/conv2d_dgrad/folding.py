"""Transposed convolution in its scatter-add form, folded while the windows are in cache.

    gx = fold(gy[(n p q), k] w[k, (r s c)])

The transpose of `conv2d/direct.py`: a row of gy's pixels times the packed filters gives the
gradients of their windows, which are added to the rows of gx before the next row is computed. A
thread owns a band of rows of one image's gx and computes all windows that overlap it; windows over
a border between two bands are computed for both. 2 N K P Q C R S operations. Every term of a window
is moved and added once for K products. So this is fast for few channels, for which `direct.py`
would move whole windows of gy. Limited by the multiply-adds, and by the additions if K is small.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import Operations
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import pack, without_products
from kernels.cpu.lines import add_run
from kernels.cpu.micro_kernel import MR, outer_packed
from kernels.cpu.vector import KR, lanes_of
from kernels.cpu.windows import Windows, pack_windows

BAND, MOST_BANDS = 16, 8
"""Rows of gx of a band, at least; bands of a batch, about, where there are few images."""


def work(problem: Problem) -> Work:
    """Multiply-adds with windows in whole panels of 16 terms, and the terms folded."""
    g = problem.geometry
    pixels, window = g.N * g.P * g.Q, up(g.C // g.groups * g.R * g.S, 16)
    return Work(pixels * g.K * window, pixels * window * g.groups, pixels * g.groups,
                window * g.K, runs=runs_of(g))  # fmt: skip


def operations(g: ConvGeometry) -> Operations:
    """The products, and an addition for each tap on the plane.

    Rows of windows over a border between two bands are counted once.
    """
    return Operations(2 * g.macs, g.N * g.C * g.taps_inside)


def terms(g: ConvGeometry) -> float:
    """At most one tap per filter and window: a product of K/groups terms, then R S additions."""
    return g.K // g.groups + g.R * g.S


def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The filters packed, (groups, panels, K/groups 2L)."""
    window = g.R * g.S * (g.C // g.groups)
    point = Windows(1, 1, (1, 1), (1, 1), (1, 1), (0, 0), np.zeros((1, 2, 1), np.int64),
                    (1, 1), np.zeros((1, 2), np.int64))  # fmt: skip
    return pack(w, point, g.groups, g.K // g.groups, window, (1, window, 0, 0))


@kernel(
    "conv2d_dgrad",
    name="folding",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d_dgrad folding", operations=operations),
    abilities=Abilities(prepare=prepare),
)
def dgrad(
    gy: np.ndarray, w: np.ndarray, g: ConvGeometry, *, prepared: np.ndarray | None = None
) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    if 0 in (gx.size, gy.size, w.size):
        return without_products(gx)
    packed = prepare(w, g) if prepared is None else prepared
    bands = min(-(-g.H // BAND), -(-MOST_BANDS // max(1, g.N)))
    _bands(memory.nhwc(gy), packed.reshape(-1), packed.shape[:2], memory.nhwc(gx), bands,
           (g.R, g.S), g.stride, g.padding, g.dilation)  # fmt: skip
    return gx


@entry_point(parallel=True)
def _bands(gy, packed, counts, gx, bands, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    N, P, Q, K = gy.shape
    _, H, _, C = gx.shape
    groups, panels = counts
    NR = 2 * lanes_of(gy)
    filters, channels = K // groups, C // groups
    lines = (filters + KR - 1) // KR
    height = (Q + MR - 1) // MR * MR
    flat = gx.reshape(-1)  # (N,H,W,C) -> (NHWC,), the same memory
    for unit in numba.prange(N * bands):
        n, band = unit // bands, unit % bands
        top, bottom = H * band // bands, H * (band + 1) // bands
        a = np.empty(lines * height * KR, gy.dtype)
        sums = np.empty(height * panels * NR, gy.dtype)  # (height,panels NR): whole windows
        gx[n, top:bottom] = 0
        for p in range(P):
            h0 = p * stride[0] - padding[0]
            if h0 + (size[0] - 1) * dilation[0] < top or h0 >= bottom:
                continue
            for group in range(groups):
                pack_windows(gy, group * filters, filters, (n * P + p) * Q, Q, height, (P, Q),
                             (1, 1), (1, 1), (1, 1), (0, 0), a)  # fmt: skip
                for panel in range(panels):
                    for t in range(0, height, MR):
                        # (MR,K/G) x (K/G,2L) -> (MR,2L)
                        outer_packed(a, t * KR, height * KR, packed,
                                   (group * panels + panel) * filters * NR, sums,
                                   (t * panels + panel) * NR, panels * NR, filters // KR,
                                   filters % KR, False, 0)  # fmt: skip
                for q in range(Q):
                    w0 = q * stride[1] - padding[2]
                    _fold(sums, q * panels * NR, flat, gx.shape, n, h0, w0, top, bottom, size,
                          dilation, group * channels, channels)  # fmt: skip


@subroutine
def _fold(sums, at, gx, shape, n, h0, w0, top, bottom, size, dilation, c0, channels):  # type: ignore[no-untyped-def]  # fmt: skip
    """Add the window (r s c) at `at` to the rows from `top` to `bottom` of image n of gx.

    gx is flat (N,H,W,C).
    """
    _, H, W, C = shape
    run = size[1] * channels
    joined = channels == C and dilation[1] == 1 and w0 >= 0 and w0 + size[1] <= W
    for r in range(size[0]):
        h = h0 + r * dilation[0]
        if not top <= h < bottom:
            continue
        row = (n * H + h) * W
        if joined:
            add_run(sums, at + r * run, gx, (row + w0) * C, run)
        else:
            for s in range(size[1]):
                w = w0 + s * dilation[1]
                if 0 <= w < W:
                    start = (row + w) * C + c0
                    for c in range(channels):
                        gx[start + c] += sums[at + r * run + s * channels + c]
