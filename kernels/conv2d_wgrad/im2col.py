"""Gradient of the weights by im2col: a matrix product.

    gw[k, (r s c)] = gy[(n p q), k]^T columns[(n p q), (r s c)]

The columns are those of `conv2d/im2col.py` (Chellapilla, Puri, Simard 2006). The sum is over every
output pixel of the batch: a thread sums over a part of the pixels, block by block, and the parts'
sums are added in order. The parts depend on the geometry alone, so any number of threads gives the
same bits. 2 N K P Q C R S operations; the columns' memory traffic limits it if K is small.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.costs import unfolded
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.contract.threads import partial_sums
from kernels.cpu.gemm import PLAIN, TRANSPOSED, keep, multiply
from kernels.cpu.unfold import rows_per_block, unfold_rows


def terms(g: ConvGeometry) -> float:
    """One product and one addition per output pixel."""
    return g.N * g.P * g.Q


@kernel(
    "conv2d_wgrad",
    name="im2col",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(lambda problem: unfolded(problem.geometry), "conv2d_wgrad im2col"),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    filters = memory.nhwc(gw).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
    parts = partial_sums(g.N * g.P * g.Q)
    shares = memory.empty((parts, *filters.shape), x.dtype)
    shares[...] = 0
    rows = memory.nhwc(gy).reshape(g.N * g.P, g.Q, g.K)  # (N,P,Q,K) -> (NP,Q,K)
    if rows.size and shares.size:
        block = rows_per_block(g, x.itemsize, parts)
        window = (g.R, g.S), g.stride, g.padding, g.dilation
        _shares(memory.nhwc(x), rows, shares, block, g.P, *window)
    shares.sum(axis=0, out=filters)  # (T,G,K/G,RSC) -> (G,K/G,RSC)
    return gw


@entry_point(parallel=True)
def _shares(x, gy, shares, block, P, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    NP, Q, K = gy.shape
    parts, G, Kg, RSC = shares.shape
    C = RSC // (size[0] * size[1])
    item = gy.itemsize
    for part in numba.prange(parts):
        end = NP * (part + 1) // parts
        for first in range(NP * part // parts, end, block):
            rows = min(block, end - first)
            columns = np.empty((rows, Q, size[0], size[1], C), gy.dtype)
            for g in range(G):
                unfold_rows(x, columns, first, P, stride, padding, dilation, g * C)
                # (K/G,rows Q) x (rows Q,RSC) -> (K/G,RSC), added to the share
                multiply(gy.ctypes.data + (first * Q * K + g * Kg) * item, TRANSPOSED, K,
                         columns.ctypes.data, PLAIN, RSC,
                         shares.ctypes.data + (part * G + g) * Kg * RSC * item, RSC,
                         Kg, RSC, rows * Q, True, item == 8)  # fmt: skip
            keep(columns[0, 0, 0, 0, 0])
