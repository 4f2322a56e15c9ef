"""Gradient of the weights from packed windows and packed gy.

    gw[k, (r s c)] = sum over (n p q) of windows[(n p q), (r s c)] gy[(n p q), k]

The windows are those of `conv2d/direct.py`, block by block of pixels. Each block is multiplied by
the block of gy and added to the sums of its part of the pixels (packing as in Goto and van de Geijn
2008). The parts depend on the geometry alone, and their sums are added in order, so any number of
threads gives the same bits. 2 N K P Q C R S operations; limited by the processor's multiply-adds
while the sums, C R S K per part, stay in cache.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import partial_sums
from kernels.cpu.direct import BLOCK, without_products
from kernels.cpu.micro_kernel import MR_T, outer_transposed
from kernels.cpu.vector import KR, lanes, lanes_of, move
from kernels.cpu.windows import fprop_windows, pack_windows


def work(problem: Problem) -> Work:
    """Multiply-adds with windows in whole lines of 16 terms, filters in whole panels of 24."""
    g = problem.geometry
    pixels, terms = g.N * g.P * g.Q, g.C // g.groups * g.R * g.S
    filters = up(g.K // g.groups, 24)
    return Work(pixels * up(terms, 16) * filters * g.groups, pixels * terms * g.groups,
                pixels * filters * g.groups, up(terms, 16) * filters * g.groups,
                runs=runs_of(g))  # fmt: skip


def terms(g: ConvGeometry) -> float:
    """One multiply-add per output pixel, one addition per block and one per part."""
    return max(g.N * g.P * g.Q, 1) + 1


@kernel(
    "conv2d_wgrad",
    name="direct",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, "conv2d_wgrad direct"),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    _sum_blocks(x, gy, g, gw)
    return gw


def _sum_blocks(x: np.ndarray, gy: np.ndarray, g: ConvGeometry, gw: np.ndarray) -> None:
    """Write gw (K,C/groups,R,S), channels-last: the sum over pixels of each window times gy."""
    windows, NR, parts = fprop_windows(g), 3 * lanes(x.dtype), partial_sums(g.N * g.P * g.Q)
    channels, filters = g.C // g.groups, g.K // g.groups
    lines, panels = -(-windows.terms(channels) // KR), -(-filters // NR)
    shares = memory.empty((parts, panels * lines * KR * NR), x.dtype)
    for group in range(g.groups):
        shares[...] = 0
        _shares(
            memory.nhwc(x), memory.nhwc(gy), shares.reshape(-1), parts, group * channels, channels,
            group * filters, filters, (g.P, g.Q), windows.size, g.stride, g.dilation,
            windows.origin,
        )  # fmt: skip
        rows = memory.nhwc(gw).reshape(g.K, -1)  # (K,R,S,C/G) -> (K,RSC/G), gw's own memory
        _unpack(shares, rows[group * filters : (group + 1) * filters])


@entry_point(parallel=True)
def _shares(x, gy, shares, parts, c0, channels, k0, filters, plane, size, stride, dilation, origin):  # type: ignore[no-untyped-def]  # fmt: skip
    """The sum over each part of the pixels, (parts,panels,lines KR,3L) in all."""
    NR = 3 * lanes_of(x)
    lines = (size[0] * size[1] * channels + KR - 1) // KR
    panels = (filters + NR - 1) // NR
    positions = x.shape[0] * plane[0] * plane[1]
    each = panels * lines * KR * NR
    for part in numba.prange(parts):
        a = np.empty(lines * BLOCK * KR, x.dtype)
        b = np.empty(panels * BLOCK * NR, x.dtype)
        end = positions * (part + 1) // parts
        for first in range(positions * part // parts, end, BLOCK):
            count = min(BLOCK, end - first)
            pack_windows(x, c0, channels, first, count, BLOCK, plane, size, stride, dilation,
                         origin, a)  # fmt: skip
            _pack_gradient(gy, k0, filters, first, count, b)
            for panel in range(panels):
                for channel in range(0, lines * KR, MR_T):
                    line = channel // KR
                    # (MR_T,count) x (count,3L) -> (MR_T,3L), added to the share
                    outer_transposed(a, line * BLOCK * KR + channel % KR, KR * KR,
                               b, panel * BLOCK * NR, shares,
                               part * each + (panel * lines * KR + channel) * NR, NR,
                               count // KR, count % KR, True, 0)  # fmt: skip


@subroutine
def _pack_gradient(gy, k0, filters, first, count, packed):  # type: ignore[no-untyped-def]
    """packed (panels,BLOCK,3L) = gy of `count` pixels from `first` on."""
    flat = gy.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    lanes = lanes_of(gy)
    NR = 3 * lanes
    for t in range(count):
        start = (first + t) * gy.shape[3] + k0
        for panel in range((filters + NR - 1) // NR):
            k, at = panel * NR, (panel * BLOCK + t) * NR
            some = min(NR, filters - k)
            if some == NR:
                for j in range(0, NR, lanes):
                    move(flat, start + k + j, packed, at + j)
            else:
                for j in range(NR):
                    packed[at + j] = flat[start + k + j] if j < some else 0


@entry_point(parallel=True)
def _unpack(shares, gw):  # type: ignore[no-untyped-def]
    """gw (K,terms) = the parts' sums, added in order."""
    filters, terms = gw.shape
    NR = 3 * lanes_of(gw)
    lines = (terms + KR - 1) // KR
    for k in numba.prange(filters):
        start = np.int64(k) // NR * lines * KR * NR + np.int64(k) % NR
        for e in range(terms):
            gw[k, e] = shares[0, start + e * NR]
        for part in range(1, len(shares)):
            for e in range(terms):
                gw[k, e] += shares[part, start + e * NR]
