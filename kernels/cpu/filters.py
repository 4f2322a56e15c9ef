"""Packing of a convolution's filters into panels, and the number of terms of its longest sum."""

from __future__ import annotations

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.cpu.direct import pack
from kernels.cpu.windows import fprop_windows


def pack_filters(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The filters packed, (groups, panels, C/groups R S 2L)."""
    C = g.C // g.groups
    strides = g.R * g.S * C, 1, g.S * C, C
    return pack(w, fprop_windows(g), g.groups, C, g.K // g.groups, strides)


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: one multiply-add a tap, the blocks' sums, the bias."""
    return g.C // g.groups * g.R * g.S + 1
