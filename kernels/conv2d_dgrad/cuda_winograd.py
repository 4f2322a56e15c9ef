"""Transposed convolution by Winograd's F(4x4, 3x3) and F(2x2, 3x3) on CUDA.

    gx = conv2d(gy, w rotated by 180 degrees with its channels swapped, padding 2 - padding)

At stride 1 the transposed convolution is a convolution, padded by R - 1 - padding pixels on each
side (Dumoulin, Visin 2016, section 4). The passes are those of `conv2d/cuda_winograd.py` (read that
first; Lavin and Gray 2016) on that geometry; only the transform of the filters reads them flipped.
Operations, bytes and limits are those of that convolution.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import kernel
from kernels.conv2d.cuda_winograd import convolve, transform_filter
from kernels.cpu.direct import without_products
from kernels.cuda.rates import GPU
from kernels.cuda.winograd import (
    TAPS,
    fprop_form,
    fprop_operations,
    supports,
    work,
)


def flipped_geometry(g: ConvGeometry) -> ConvGeometry:
    """The convolution from gy (N,K,P,Q) to gx (N,C,H,W)."""
    top, bottom, left, right = (TAPS - 1 - pad for pad in g.padding)
    return replace(g, C=g.K, H=g.P, W=g.Q, K=g.C, padding=(top, bottom, left, right))


def prepare(m: int, w: Any, g: ConvGeometry) -> Any:
    """U of the flipped filters: (points groups, K/groups, C/groups)."""
    return transform_filter(m, w, g, flip=True)


def dgrad(m: int, gy: Any, w: Any, g: ConvGeometry, prepared: Any) -> Any:
    """The transposed convolution by tiles of m x m pixels of gx."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy)
    if 0 in (gx.size, gy.size, w.size):
        return without_products(gx)
    U = prepare(m, w, g) if prepared is None else prepared
    return convolve(m, gy, U, gx, flipped_geometry(g))


def declared(m: int) -> dict[str, Any]:
    """The declarations of the kernel with tiles of m x m."""
    return {
        "accuracy": Accuracy(
            exact=False,
            bound=lambda g: fprop_form(m).bound(g.K // g.groups),
            norm_wise=True,
            amplification=lambda g: fprop_form(m).amplification,
            growth=lambda g: fprop_form(m).growth,
            spreads="plane",
        ),
        "cost": Cost(
            lambda problem: work(m, flipped_geometry(problem.geometry)),
            GPU,
            operations=lambda g: fprop_operations(m, flipped_geometry(g)),
        ),
        "abilities": Abilities(supports, partial(prepare, m), chunked=True),
    }


@kernel("conv2d_dgrad", name="winograd_4x4", device="cuda", **declared(4))
def dgrad_4x4(gy: Any, w: Any, g: ConvGeometry, *, prepared: Any = None) -> Any:
    """gy (N,K,P,Q), w (K,C/groups,3,3) -> gx (N,C,H,W); accumulates in their type."""
    return dgrad(4, gy, w, g, prepared)


@kernel("conv2d_dgrad", name="winograd_2x2", device="cuda", **declared(2))
def dgrad_2x2(gy: Any, w: Any, g: ConvGeometry, *, prepared: Any = None) -> Any:
    """The same by tiles of 2x2 pixels: twice the products, an error bound 50 times smaller."""
    return dgrad(2, gy, w, g, prepared)
