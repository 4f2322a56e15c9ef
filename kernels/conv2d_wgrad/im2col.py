"""The weights' gradient as one matrix product.

    gw[k, (r s c)] = gy[(n p q), k]^T columns[(n p q), (r s c)]

The same columns as in `conv2d/im2col.py`; the sum runs over every output pixel of the batch.
2 N K P Q C R S operations; the columns' memory traffic limits it where K is small.
"""

from __future__ import annotations

import numpy as np

from kernels import memory
from kernels.gemm import gemm
from kernels.geometry import ConvGeometry
from kernels.registry import kernel
from kernels.unfold import unfold


def terms(g: ConvGeometry) -> float:
    """One product and one addition an output pixel."""
    return g.N * g.P * g.Q


@kernel("conv2d_wgrad", name="im2col", cost=lambda g: 2 * g.macs / 80, error_bound=terms)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    filters = memory.nhwc(gw).reshape(g.groups, g.K // g.groups, -1)  # (K,R,S,C) -> (G,K/G,RSC)
    rows = memory.nhwc(gy).reshape(g.N * g.P * g.Q, g.groups, -1)  # (N,P,Q,K) -> (NPQ,G,K/G)
    for group in range(g.groups):
        # (K/G,NPQ) x (NPQ,RSC) -> (K/G,RSC)
        gemm(rows[:, group].T, unfold(x, g, group), filters[group])
    return gw
