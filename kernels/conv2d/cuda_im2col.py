"""Convolution on CUDA by im2col and cuBLAS.

    y[(n p q), k] = max(columns[(n p q), (r s c)] w[k, (r s c)]^T + bias[k], 0)

Windows are unfolded (`kernels/cuda/unfold.py`) and multiplied (Chellapilla, Puri, Simard: "High
Performance Convolutional Neural Networks for Document Processing", 2006), some rows of windows at a
time. Bias and ReLU are one pass afterwards. 2 N K P Q C R S operations. The columns take
R S / stride^2 times the input's memory; they are written and read once, which limits it if K is
small.
"""

from __future__ import annotations

from typing import Any

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import epilogue
from kernels.cuda.grouped import grouped_product
from kernels.cuda.rates import GPU, Work
from kernels.cuda.unfold import rows_per_chunk, unfold_rows


def work(problem: Problem) -> Work:
    """Columns are written and read, and y once more for bias and ReLU."""
    g = problem.geometry
    rows = g.N * g.P
    columns = rows * g.Q * g.R * g.S * g.C
    chunks = -(-rows // rows_per_chunk(g, 4))
    moved = 2 * columns + 2 * rows * g.Q * g.K
    return Work(g.macs, elements=moved, launches=2 * chunks + 1)


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: one product and one addition per tap, the bias."""
    return g.C // g.groups * g.R * g.S + 1


@kernel(
    "conv2d",
    name="im2col",
    device="cuda",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, GPU),
    abilities=Abilities(rectifies=True, chunked=True),
)
def forward(
    x: Any, w: Any, g: ConvGeometry, *, bias: Any | None = None, rectify: bool = False
) -> Any:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
    return epilogue.apply(multiply_windows(x, filters, g), bias, rectify)


def multiply_windows(x: Any, filters: Any, g: ConvGeometry) -> Any:
    """The windows of x (N,C,H,W) times `filters` (G,K/G,RSC): y (N,K,P,Q) channels-last."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if 0 in (x.size, y.size, filters.size):
        y[...] = 0
        return y
    pixels = memory.nhwc(y).reshape(-1, g.groups, g.K // g.groups)  # (N,P,Q,K) -> (NPQ,G,K/G)
    out = pixels.transpose(1, 0, 2)  # (NPQ,G,K/G) -> (G,NPQ,K/G), y's own memory
    block = rows_per_chunk(g, x.itemsize)
    for first in range(0, g.N * g.P, block):
        rows = min(block, g.N * g.P - first)
        columns = unfold_rows(x, g, first, rows)
        # (G,rows Q,RSC) x (G,RSC,K/G) -> (G,rows Q,K/G)
        part = out[:, first * g.Q : (first + rows) * g.Q]
        grouped_product(columns, filters.transpose(0, 2, 1), out=part)
    return y
