"""Gradient of a depthwise convolution with respect to its input.

    gx[n, i, j, c] = sum over r, s of gy[n, p, q, c] w[r, s, c]    where p stride - pad + r dilation
                                                                   = i, and q, s, j alike

Each phase of the stride, i = a + u stride, has the taps r for which a + pad - r dilation is a
multiple of the stride, and is a convolution of gy with these taps in reverse order, of stride 1
(`kernels/cpu/depthwise.py`). At stride 1 there is one phase with all taps. 2 N C P Q R S operations
on N C (H W + P Q) values; limited by memory and loads, as `conv2d/depthwise.py`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.channelwise import MOST
from kernels.cpu.depthwise import Axis, axes, convolve, prepare, supports
from kernels.cpu.vector import lanes


def work(problem: Problem) -> Work:
    """Multiply-adds of whole vectors, and the addresses of the taps of every 8 results."""
    g = problem.geometry
    channels, phases = up(g.C, lanes(problem.dtype)), g.stride[0] * g.stride[1]
    return Work(g.N * g.P * g.Q * channels * g.R * g.S, 0, g.N * g.H * g.W * channels,
                channels * g.R * g.S, phases,
                g.N * g.P * g.R * g.S * up(g.Q, MOST) / MOST)  # fmt: skip


def terms(g: ConvGeometry) -> float:
    """One multiply-add a tap, from 0 on."""
    return g.R * g.S + 1


@kernel(
    "conv2d_dgrad",
    name="depthwise",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d_dgrad depthwise"),
    abilities=Abilities(supports=supports, prepare=prepare),
)
def dgrad(
    gy: np.ndarray, w: np.ndarray, g: ConvGeometry, *, prepared: np.ndarray | None = None
) -> np.ndarray:
    """gy (N,C,P,Q), w (C,1,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    if gx.size:
        zeros = np.zeros(g.C, gy.dtype)
        taps = prepare(w, g) if prepared is None else prepared
        for both in along(g):
            convolve(gy, taps, zeros, False, gx, both)
    return gx


@lru_cache(4096)
def along(g: ConvGeometry) -> list[np.ndarray]:
    """The taps of every phase along both axes."""
    rows = phases(g.R, g.stride[0], g.padding[0], g.dilation[0], g.H, g.S * g.C)
    columns = phases(g.S, g.stride[1], g.padding[2], g.dilation[1], g.W, g.C)
    return [axes(a, b) for a in rows for b in columns]


def phases(
    taps: int, stride: int, padding: int, dilation: int, size: int, factor: int
) -> list[Axis]:
    """The taps of each phase along an axis of `size` pixels, in reverse order: pixels ascend.

    factor: elements of w from the factors of a tap to those of the next.
    """
    found = []
    for phase in range(min(stride, size)):
        meets = [k for k in reversed(range(taps)) if (phase + padding - k * dilation) % stride == 0]
        turn = meets[1] - meets[0] if len(meets) > 1 else -1
        last = meets[0] if meets else 0
        place = (phase + padding - last * dilation) // stride
        spread = -turn * dilation // stride if len(meets) > 1 else 1
        count = -(-(size - phase) // stride)
        found.append(Axis(len(meets), place, spread, last * factor, turn * factor, 1, count, phase,
                          stride))  # fmt: skip
    return found
