"""Transposed convolution as an explicit convolution with the flipped filters.

    gx = conv2d(gy with zeros between and around its pixels, w flipped, channels swapped), stride 1

The four steps, each one explicit: insert stride - 1 zeros between the pixels of gy; pad, so that
every input pixel becomes the centre of a window; unfold with im2col; multiply by the filters
rotated by 180 degrees with channels in and out swapped (Dumoulin, Visin: "A guide to convolution
arithmetic", 2016, section 4). This is the filtering of the deconvnet (Zeiler, Fergus 2013, section
2.1). 2 N C H W K R S operations: about stride^2 times the transposed convolution's own, spent on
zeros, which limits it.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Work, unfolded
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import Operations
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.conv2d.im2col import multiply_windows


def flipped_geometry(g: ConvGeometry) -> ConvGeometry:
    """The stride-1 convolution from the spread gy (N,K,P',Q') to gx (N,C,H,W)."""
    (sh, sw), (eh, ew) = g.stride, g.extent
    spread = (g.N, g.K, (g.P - 1) * sh + 1, (g.Q - 1) * sw + 1)
    top, left = eh - 1 - g.padding[0], ew - 1 - g.padding[2]
    bottom = g.H + eh - 1 - spread[2] - top  # so that the output is H x W
    right = g.W + ew - 1 - spread[3] - left
    w_shape = (g.C, g.K // g.groups, g.R, g.S)
    return ConvGeometry.of(spread, w_shape, 1, (top, bottom, left, right), g.dilation, g.groups)


def spread_out(gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gy (N,K,P,Q) with stride - 1 zeros between its pixels: (N,K,(P-1)*stride+1,...)."""
    if g.stride == (1, 1):
        return gy
    shape = (g.N, g.K, (g.P - 1) * g.stride[0] + 1, (g.Q - 1) * g.stride[1] + 1)
    spread = memory.empty(shape, gy.dtype, "NHWC")
    spread[...] = 0
    spread[:, :, :: g.stride[0], :: g.stride[1]] = gy
    return spread


def flip(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """w (K,C/G,R,S) rotated by 180 degrees, channels swapped: (G,C/G,R*S*K/G), a row per filter."""
    # (K,C/G,R,S) -> (G,K/G,C/G,R,S)
    flipped = w[:, :, ::-1, ::-1].reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)
    # (G,K/G,C/G,R,S) -> (G,C/G,R,S,K/G) -> (G,C/G,RSK/G)
    swapped = flipped.transpose(0, 2, 3, 4, 1)
    rows = swapped.reshape(g.groups, g.C // g.groups, g.R * g.S * (g.K // g.groups))
    return np.ascontiguousarray(rows)


def work(problem: Problem) -> Work:
    """Work of the stride-1 convolution; zeros are multiplied too."""
    return unfolded(flipped_geometry(problem.geometry))


def operations(g: ConvGeometry) -> Operations:
    """Operations of the stride-1 convolution, with the zeros between gy's pixels."""
    return Operations(2 * flipped_geometry(g).macs)


def terms(g: ConvGeometry) -> float:
    """One product and one addition per tap; the zeros add nothing."""
    return g.K // g.groups * g.R * g.S


@kernel(
    "conv2d_dgrad",
    name="flipped",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, "conv2d_dgrad flipped", operations=operations),
)
def dgrad(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    if 0 in g.x_shape:
        return memory.empty(g.x_shape, gy.dtype, "NHWC")
    return multiply_windows(spread_out(gy, g), flip(w, g), flipped_geometry(g))
