"""Transposed pointwise (1 x 1) convolution: a matrix product with the pixels of gy, read in place.

    gx[(n h w), c] = sum over k of gy[(n p q), k] w[k, c]

At stride 1 without padding a pixel of gx is that of gy times the filters: the pointwise convolution
of gy by the transposed filters (`conv2d/pointwise.py`, whose tiles and micro-kernel it uses). No
window is folded, and pixels are shared out in pieces of equal work, where `folding.py` has bands of
rows: planes of 7 x 7 or 14 x 14 are a single one. 2 N K P Q C operations; limited by the
processor's multiply-adds, with few pixels by reading the filters.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Options
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.conv2d import pointwise
from kernels.cpu.direct import pack
from kernels.cpu.micro_kernel_in_place import SHORT
from kernels.cpu.windows import fprop_windows


def work(problem: Problem) -> Work:
    """Products with whole vectors of 16 channels; a tile of one pixel waits for its sums."""
    g = problem.geometry
    pixels, channels = g.N * g.P * g.Q, up(g.C, 16)
    products = (pixels if pixels >= SHORT else 2 * pixels) * g.K * channels
    return Work(products, pixels * g.K, pixels * channels, g.K * channels)


def terms(g: ConvGeometry) -> int:
    """One product per filter."""
    return g.K


def transposed(g: ConvGeometry) -> ConvGeometry:
    """The convolution of gy (N,K,P,Q) that gives gx (N,C,H,W)."""
    return ConvGeometry(g.N, g.K, g.P, g.Q, 1, 1, g.stride, g.padding, g.dilation, g.C, g.groups)


def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The transposed filters packed, as `conv2d/pointwise.py` reads them."""
    strides = 1, g.C, g.C, g.C
    return pack(w, fprop_windows(transposed(g)), 1, g.K, g.C, strides)


@kernel(
    "conv2d_dgrad",
    name="pointwise",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d_dgrad pointwise"),
    abilities=Abilities(supports=pointwise.supports, prepare=prepare),
)
def dgrad(
    gy: np.ndarray, w: np.ndarray, g: ConvGeometry, *, prepared: np.ndarray | None = None
) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C,1,1) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    packed = prepare(w, g) if prepared is None and w.size else prepared
    pointwise.bind(gy, w, transposed(g), gx, Options(prepared=packed))()
    return gx
