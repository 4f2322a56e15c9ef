"""Direct transposed convolution with packed windows of gy: the flipped form without its zeros.

    gx[n, s u + a - pad, c] = sum over j, k of gy[n, u - j, k] w[k, c, s j + a]

Each of the s x s phases a of gx is a stride-1 convolution of gy with every s-th tap of the flipped
filters. All phases share gy's windows, so they are one product with s s C filters
(`kernels/cpu/direct.py`). 2 N K P Q C R S operations, and products with a few zeros if R is no
multiple of s. Limited by the processor's multiply-adds; if C is small, by the packing of windows of
K R S / s^2 terms: `folding.py` is then faster.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import Operations
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import pack, product, without_products
from kernels.cpu.windows import dgrad_windows


def work(problem: Problem) -> Work:
    """Multiply-adds with the channels of every phase in whole panels of 16."""
    g = problem.geometry
    taps = [-(-size // stride) for size, stride in zip((g.R, g.S), g.stride, strict=True)]
    positions = g.N * (-(-g.H // g.stride[0])) * (-(-g.W // g.stride[1]))
    terms = g.K * taps[0] * taps[1]  # of all groups
    channels = g.stride[0] * g.stride[1] * up(g.C // g.groups, 16)
    return Work(positions * terms * channels, positions * terms,
                positions * channels * g.groups, terms * channels, runs=runs_of(g))  # fmt: skip


def operations(g: ConvGeometry) -> Operations:
    """Products of windows of gy at every position, with absent taps of a phase as zeros."""
    windows = dgrad_windows(g)
    terms, phases = windows.terms(g.K // g.groups), len(windows.out_at)
    return Operations(2 * g.N * windows.P * windows.Q * terms * phases * g.C)


def supports(problem: Problem) -> bool:
    """Dilation along an axis only if the stride is 1, so that there is one phase."""
    g = problem.geometry
    return all(s == 1 or d == 1 for s, d in zip(g.stride, g.dilation, strict=True))


def terms(g: ConvGeometry) -> float:
    """One multiply-add a tap, and one sum per block of them."""
    return g.K // g.groups * g.R * g.S + 1


def prepare(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The filters packed, (groups, phases panels, K/groups taps 2L)."""
    C = g.C // g.groups
    strides = 1, g.R * g.S * C, g.S * C, C
    return pack(w, dgrad_windows(g), g.groups, g.K // g.groups, C, strides)


@kernel(
    "conv2d_dgrad",
    name="direct",
    accuracy=Accuracy(bound=terms, spreads="plane"),
    cost=Cost(work, "conv2d_dgrad direct", operations=operations),
    abilities=Abilities(supports=supports, prepare=prepare),
)
def dgrad(
    gy: np.ndarray, w: np.ndarray, g: ConvGeometry, *, prepared: np.ndarray | None = None
) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    if 0 in (gx.size, gy.size, w.size):
        return without_products(gx)
    packed = prepare(w, g) if prepared is None else prepared
    product(gy, packed, dgrad_windows(g), g.K // g.groups, g.C // g.groups, gx)
    return gx
