"""The weights' gradient from packed windows.

    gw[k, (r s c)] = sum over (n p q) of windows[(n p q), (r s c)] gy[(n p q), k]

The windows of `conv2d/direct.py`, block by block of pixels: each block's are multiplied by the
block of gy and added to the thread's own sum; the threads' sums are added in order, so the same
number of threads gives the same bits. 2 N K P Q C R S operations; limited by the processor's
multiply-adds while the sums, C R S K a thread, stay in cache.
"""

from __future__ import annotations

import numpy as np

from kernels import memory
from kernels.direct import weights, without_products
from kernels.geometry import ConvGeometry
from kernels.registry import kernel


def cost(g: ConvGeometry) -> float:
    """Products at 65 a nanosecond, filters in whole panels of 24; the windows' terms at 1."""
    terms = g.N * g.P * g.Q * (g.C // g.groups) * g.R * g.S
    filters = -(-(g.K // g.groups) // 24) * 24 * g.groups
    return 2 * terms * filters / 65 + terms * g.groups + 2.0 * np.prod(g.w_shape)


def terms(g: ConvGeometry) -> float:
    """One multiply-add an output pixel, and one sum a block and a thread."""
    return max(g.N * g.P * g.Q, 1) + 1


@kernel("conv2d_wgrad", name="direct", cost=cost, error_bound=terms, spreads="padding")
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    weights(x, gy, g, gw)
    return gw
