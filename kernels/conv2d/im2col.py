"""Convolution as one matrix product.

    y[(n p q), k] = columns[(n p q), (r s c)] w[k, (r s c)]^T + bias[k]

`unfold` writes every window as a row; one product does the rest (Chellapilla, Puri, Simard:
"High Performance Convolutional Neural Networks for Document Processing", 2006).
2 N K P Q C R S operations; the columns take R S / stride^2 times the input's memory, written and
read once, which is what limits it where K is small.
"""

from __future__ import annotations

import numpy as np

from kernels import memory
from kernels.gemm import gemm
from kernels.geometry import ConvGeometry
from kernels.registry import kernel
from kernels.unfold import unfold


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: one product and one addition a tap, the bias."""
    return g.C // g.groups * g.R * g.S + 1


@kernel("conv2d", name="im2col", cost=lambda g: 2 * g.macs / 80, error_bound=terms)
def forward(
    x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: np.ndarray | None = None
) -> np.ndarray:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q); accumulates in their type."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    filters = memory.nhwc(w).reshape(g.groups, g.K // g.groups, -1)  # (K,R,S,C) -> (G,K/G,RSC)
    rows = memory.nhwc(y).reshape(g.N * g.P * g.Q, g.K)  # (N,P,Q,K) -> (NPQ,K), y's own memory
    for group in range(g.groups):
        k = slice(group * g.K // g.groups, (group + 1) * g.K // g.groups)
        part = None if bias is None else bias[k]
        columns = unfold(x, g, group)
        # (NPQ,RSC) x (RSC,K/G) -> (NPQ,K/G)
        if g.groups == 1:
            gemm(columns, filters[group].T, rows, bias=part)
        else:
            rows[:, k] = gemm(columns, filters[group].T, bias=part)
    return y
