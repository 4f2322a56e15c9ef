"""Gradient of the weights with windows read in place: for few channels, as in a first layer.

    gw[k, r, e] += x[n, s p + r, s q C + e] gy[n, p, q, k]      e: the S C terms of a row of taps

The transpose of `conv2d/sliding.py`. In a loop over the outputs of a row, the sums of 4 to 8 (or 2
to 4) neighbouring terms of a row of taps by two or three vectors of filters stay in registers. The
terms of consecutive outputs are s C elements apart; gy is read in place (`outer_strided_3` in
`kernels/cpu/micro_kernel.py`). Nothing is packed. The terms are cut into tiles of nearly equal
size, so none are wasted: 21 = 7 + 7 + 7. Each part of the rows has its own sums, which are added in
order; the parts depend on the geometry alone, so any number of threads gives the same bits. 2 N K P
Q C R S operations; limited by the processor's multiply-adds while a row of gy stays in the L1
cache.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import partial_sums
from kernels.cpu.direct import without_products
from kernels.cpu.micro_kernel import MR_T, outer_strided_2, outer_strided_3
from kernels.cpu.padded import padded
from kernels.cpu.vector import KR, lanes, lanes_of

MOST_TERMS = 400


def supports(problem: Problem) -> bool:
    """One group, no dilation along a row, few terms per window, at least a tile of them per row."""
    g = problem.geometry
    terms = g.C * g.R * g.S
    return g.groups == 1 and g.dilation[1] == 1 and terms <= MOST_TERMS and g.S * g.C >= MR_T // 2


def work(problem: Problem) -> Work:
    """Multiply-adds with filters in whole panels of 16; x is copied once, sums go row by row."""
    g = problem.geometry
    terms, filters = g.C * g.R * g.S, up(g.K, 16)
    return Work(g.N * g.P * g.Q * terms * filters, g.N * g.C * g.H * g.W,
                g.N * g.P * terms * filters, terms * filters, runs=runs_of(g))  # fmt: skip


def additions(g: ConvGeometry) -> float:
    """One multiply-add an output pixel, and one addition per thread."""
    return max(g.N * g.P * g.Q, 1) + 1


@kernel(
    "conv2d_wgrad",
    name="sliding",
    accuracy=Accuracy(bound=additions, spreads="padding"),
    cost=Cost(work, "conv2d_wgrad sliding"),
    abilities=Abilities(supports=supports),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    pixels, places = padded(memory.nhwc(x), g)
    three, two = (vectors * lanes(x.dtype) for vectors in (3, 2))
    NR = three if up(g.K, three) <= up(g.K, two) else two
    sums = memory.empty((partial_sums(g.N * g.P * g.Q), g.R * g.S * g.C, up(g.K, NR)), x.dtype)
    sums[...] = 0
    _shares(pixels, places, memory.nhwc(gy), sums.reshape(-1), len(sums), (g.R, g.S * g.C),
            g.stride[1] * g.C, NR)  # fmt: skip
    rows = memory.nhwc(gw).reshape(g.K, -1)  # (K,R,S,C) -> (K,RSC), gw's own memory
    _total(sums, rows)
    return gw


@entry_point(parallel=True)
def _shares(x, places, gy, sums, parts, taps, step, NR):  # type: ignore[no-untyped-def]
    """sums (parts,RSC,panels NR), flat: those of each part of the output rows.

    taps: rows of a window, and terms in each; step: elements from one window to the next.
    """
    N, P, Q, K = gy.shape
    panels, terms = (K + NR - 1) // NR, taps[0] * taps[1]
    flat = gy.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    for part in numba.prange(parts):
        packed = np.zeros(Q * NR, gy.dtype)
        to = part * terms * panels * NR
        for row in range(N * P * part // parts, N * P * (part + 1) // parts):
            at = places[0] + row // P * places[1] + row % P * places[2]
            for panel in range(panels):
                _row(x, at, places[3], flat, row * Q * K, Q, K, panel * NR, packed, sums,
                     to + panel * NR, panels * NR, taps, step, NR)  # fmt: skip


@subroutine
def _row(x, at, down, gy, gy_at, Q, K, k, packed, sums, to, sums_row, taps, step, NR):  # type: ignore[no-untyped-def]  # fmt: skip
    """Add a row of outputs to the sums of all terms and one panel of filters, from k on.

    A panel that is not full is copied first, with zeros after its last filter.
    """
    tiles, vectors = (taps[1] + MR_T - 1) // MR_T, NR // lanes_of(x)
    source, start, b_step = gy, gy_at + k, K
    if k + NR > K:
        for q in range(Q):
            for e in range(K - k):
                packed[q * NR + e] = gy[gy_at + q * K + k + e]
        source, start, b_step = packed, 0, NR
    # Software prefetch of the next panel: one cache line every fourth output.
    behind = NR if k + 2 * NR <= K else Q * K - k
    for r in range(taps[0]):
        for tile in range(tiles):
            first, last = taps[1] * tile // tiles, taps[1] * (tile + 1) // tiles
            a, c = at + r * down + first, to + (r * taps[1] + first) * sums_row
            turn = r * tiles + tile
            distance = behind + turn * KR % NR + turn * KR // NR % 4 * K
            # (rows,Q) x (Q,NR) -> (rows,NR)
            if vectors == 3:
                outer_strided_3(last - first, x, a, step, source, start, b_step, sums, c, sums_row,
                              Q, distance, True, False)  # fmt: skip
            else:
                outer_strided_2(last - first, x, a, step, source, start, b_step, sums, c, sums_row,
                              Q, distance, True, False)  # fmt: skip


@entry_point(parallel=True)
def _total(sums, gw):  # type: ignore[no-untyped-def]
    """gw (K,terms) = the parts' sums (parts,terms,panels NR), added in order."""
    for k in numba.prange(gw.shape[0]):
        for e in range(gw.shape[1]):
            total = sums[0, e, k]
            for part in range(1, len(sums)):
                total += sums[part, e, k]
            gw[k, e] = total
