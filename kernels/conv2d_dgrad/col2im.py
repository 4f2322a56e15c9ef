"""Transposed convolution in its scatter form.

    gx = fold(gy[(n p q), k] w[k, (r s c)])

Each output pixel's gradient times the filter is the gradient of its whole window; `fold` adds the
windows up where they overlap. The transpose of `conv2d/im2col.py` step by step. 2 N K P Q C R S
operations: with a stride above 1, stride^2 fewer than the flipped form, which multiplies zeros.
"""

from __future__ import annotations

import numpy as np

from kernels import memory
from kernels.gemm import gemm
from kernels.geometry import ConvGeometry
from kernels.registry import kernel
from kernels.unfold import fold


def terms(g: ConvGeometry) -> float:
    """At most one tap a filter and window: a product of K/groups terms, then R S additions."""
    return g.K // g.groups + g.R * g.S


@kernel("conv2d_dgrad", name="col2im", cost=lambda g: 2.5 * g.macs / 80, error_bound=terms)
def dgrad(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    filters = memory.nhwc(w).reshape(g.groups, g.K // g.groups, -1)  # (K,R,S,C) -> (G,K/G,RSC)
    rows = memory.nhwc(gy).reshape(g.N * g.P * g.Q, g.groups, -1)  # (N,P,Q,K) -> (NPQ,G,K/G)
    for group in range(g.groups):
        # (NPQ,K/G) x (K/G,RSC) -> (NPQ,RSC)
        fold(gemm(rows[:, group], filters[group]), g, gx, group)
    return gx
