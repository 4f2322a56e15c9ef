"""Convolution by im2col: one matrix product.

    y[(n p q), k] = columns[(n p q), (r s c)] w[k, (r s c)]^T + bias[k]

Every window becomes a row of `columns` (`kernels/cpu/unfold.py`), which is multiplied by the
filters (Chellapilla, Puri, Simard: "High Performance Convolutional Neural Networks for Document
Processing", 2006). The rows are cut into blocks whose columns stay in cache; threads process blocks
in turn. 2 N K P Q C R S operations. The columns take R S / stride^2 times the input's memory; they
are written and read once, which limits it if K is small.
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
from kernels.cpu.gemm import PLAIN, TRANSPOSED, keep, multiply
from kernels.cpu.unfold import rows_per_block, unfold_rows


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: one product and one addition per tap, the bias."""
    return g.C // g.groups * g.R * g.S + 1


@kernel(
    "conv2d",
    name="im2col",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(lambda problem: unfolded(problem.geometry), "conv2d im2col"),
)
def forward(
    x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: np.ndarray | None = None
) -> np.ndarray:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q); accumulates in their type."""
    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
    return multiply_windows(x, filters, g, bias)


def multiply_windows(
    x: np.ndarray, filters: np.ndarray, g: ConvGeometry, bias: np.ndarray | None = None
) -> np.ndarray:
    """The windows of x (N,C,H,W) times `filters` (G,K/G,RSC): y (N,K,P,Q) channels-last."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    y[...] = 0 if bias is None else bias[:, None, None]
    rows = memory.nhwc(y).reshape(g.N * g.P, g.Q, g.K)  # (N,P,Q,K) -> (NP,Q,K), y's own memory
    if rows.size and filters.size:
        block = rows_per_block(g, x.itemsize)
        window = (g.R, g.S), g.stride, g.padding, g.dilation
        _blocks(memory.nhwc(x), filters, rows, block, g.P, *window)
    return y


@entry_point(parallel=True)
def _blocks(x, filters, y, block, P, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    NP, Q, K = y.shape
    G, Kg, RSC = filters.shape
    C = RSC // (size[0] * size[1])
    item = y.itemsize
    for b in numba.prange((NP + block - 1) // block):
        first = b * block
        rows = min(block, NP - first)
        columns = np.empty((rows, Q, size[0], size[1], C), y.dtype)
        for g in range(G):
            unfold_rows(x, columns, first, P, stride, padding, dilation, g * C)
            # (rows Q,RSC) x (RSC,K/G) -> (rows Q,K/G), added to the bias already in y
            multiply(columns.ctypes.data, PLAIN, RSC,
                     filters.ctypes.data + g * Kg * RSC * item, TRANSPOSED, RSC,
                     y.ctypes.data + (first * Q * K + g * Kg) * item, K,
                     rows * Q, Kg, RSC, True, item == 8)  # fmt: skip
        keep(columns[0, 0, 0, 0, 0])
