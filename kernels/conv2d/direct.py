"""Convolution by blocks of windows, multiplied where they were packed: implicit im2col.

    y[(n p q), k] = windows[(n p q), (r s c)] w[k, (r s c)] + bias[k]

`kernels/cpu/direct.py` tells how. 2 N K P Q C R S operations, in registers; each pixel of a window
is moved twice for K products. Limited by the processor's multiply-adds, and where K is small by the
packing. It serves every geometry.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Rates, Work, fitted, runs_of, up
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.cpu.direct import pack, product, without_products
from kernels.cpu.windows import fprop_windows

RATES = fitted(
    wide=Rates(
        product=0.00359, term=0.149, output=0.167, weight=1.29, call=15.5e3, run=5.49, read=0.166
    ),
    narrow=Rates(product=0.0139, term=0.242, output=0.94, weight=1.92, call=95.8e3),
)


def work(g: ConvGeometry) -> Work:
    """The windows' terms for filters in whole panels of 16."""
    pixels, terms = g.N * g.P * g.Q, g.C * g.R * g.S  # of all groups
    filters = up(g.K // g.groups, 16)
    return Work(pixels * terms * filters, pixels * terms, pixels * filters * g.groups,
                terms * filters, runs=runs_of(g))  # fmt: skip


def cost(g: ConvGeometry) -> float:
    """Nanoseconds, from the work and the rates (`contract/costs.py`)."""
    return RATES.cost(work(g))


def preparation(g: ConvGeometry) -> float:
    """Of these, those of the weights."""
    return RATES.preparation(work(g))


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: one multiply-add a tap, the blocks' sums, the bias."""
    return g.C // g.groups * g.R * g.S + 1


def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The filters packed, (groups, panels, C/groups R S 2L)."""
    C = g.C // g.groups
    strides = g.R * g.S * C, 1, g.S * C, C
    return pack(w, fprop_windows(g), g.groups, C, g.K // g.groups, strides)


@kernel(
    "conv2d",
    name="direct",
    cost=cost,
    error_bound=terms,
    spreads="padding",
    prepare=prepare,
    preparation=preparation,
    rectifies=True,
)
def forward(
    x: np.ndarray,
    w: np.ndarray,
    g: ConvGeometry,
    *,
    bias: np.ndarray | None = None,
    rectify: bool = False,
    prepared: np.ndarray | None = None,
) -> np.ndarray:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    if 0 in (x.size, y.size, w.size):
        return without_products(y, bias, rectify)
    packed = prepare(w, g) if prepared is None else prepared
    product(x, packed, fprop_windows(g), g.C // g.groups, g.K // g.groups, y, bias, rectify)
    return y
