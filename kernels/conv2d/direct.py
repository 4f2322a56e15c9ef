"""Direct convolution with packed windows: implicit im2col in blocks that stay in cache.

    y[(n p q), k] = windows[(n p q), (r s c)] w[k, (r s c)] + bias[k]

`kernels/cpu/direct.py` has the algorithm (packing and the register-blocked product of Goto and van
de Geijn 2008). 2 N K P Q C R S operations; each pixel of a window is read and written once for K
products. Limited by the processor's multiply-adds, and by the packing if K is small. It serves
every geometry.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import bind_product, without_products
from kernels.cpu.filters import pack_filters, terms
from kernels.cpu.windows import fprop_windows


def work(problem: Problem) -> Work:
    """Multiply-adds with filters in whole panels of 16, and the packed terms of the windows."""
    g = problem.geometry
    pixels, terms = g.N * g.P * g.Q, g.C * g.R * g.S  # of all groups
    filters = up(g.K // g.groups, 16)
    return Work(pixels * terms * filters, pixels * terms, pixels * filters * g.groups,
                terms * filters, runs=runs_of(g))  # fmt: skip


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    packed = pack_filters(w, g) if options.prepared is None else options.prepared
    return bind_product(x, packed, fprop_windows(g), g.C // g.groups, g.K // g.groups, y, options)


@kernel(
    "conv2d",
    name="direct",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, "conv2d direct"),
    abilities=Abilities(prepare=pack_filters, rectifies=True, bind=bind),
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
    bind(x, w, g, y, Options(bias, rectify, prepared))()
    return y
