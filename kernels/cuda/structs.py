"""Structs of the geometries (`include/geometry.cuh`), passed to kernels by value."""

from __future__ import annotations

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry

_PADS = ("pad_top", "pad_bottom", "pad_left", "pad_right")
_STRIDES, _DILATIONS = ("stride_h", "stride_w"), ("dilation_h", "dilation_w")
CONV = np.dtype(
    [(name, np.int32) for name in (*"NCHWKRSPQ", "groups", *_STRIDES, *_PADS, *_DILATIONS)]
)
POOL = np.dtype([(name, np.int32) for name in (*"NCHWRSPQ", *_STRIDES, *_PADS, *_DILATIONS)])


def conv_struct(g: ConvGeometry) -> np.void:
    """`ConvGeometry` of geometry.cuh. C and K count all groups; OverflowError beyond 32 bits."""
    sizes = (g.N, g.C, g.H, g.W, g.K, g.R, g.S, g.P, g.Q, g.groups)
    return np.void((*sizes, *g.stride, *g.padding, *g.dilation), CONV)


def pool_struct(g: PoolGeometry) -> np.void:
    """`PoolGeometry` of geometry.cuh; OverflowError beyond 32 bits."""
    sizes = (g.N, g.C, g.H, g.W, g.R, g.S, g.P, g.Q)
    return np.void((*sizes, *g.stride, *g.padding, *g.dilation), POOL)
