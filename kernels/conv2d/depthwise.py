"""Depthwise convolution: every channel with one filter of its own.

    y[n, p, q, c] = bias[c] + sum over r, s of x[n, p stride - pad + r dilation, ..., c] w[r, s, c]

The middle layer of MobileNet's, EfficientNet's and ConvNeXt's blocks (Howard et al., "MobileNets",
2017, arXiv 1704.04861). In channels-last memory a vector holds L channels of a pixel, and up to 8
neighbouring outputs of a row are summed in registers (`kernels/cpu/depthwise.py`). Taps beyond the
plane are left out. 2 N C P Q R S operations on N C (H W + P Q) values, of which each of x is loaded
R times or so; limited by memory, and where the plane is in cache by its loads.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.channelwise import MOST
from kernels.cpu.depthwise import Axis, axes, bind_rows, prepare, supports
from kernels.cpu.epilogue import nothing
from kernels.cpu.vector import lanes


def work(problem: Problem) -> Work:
    """Multiply-adds of whole vectors, and the addresses of the taps of every 8 outputs."""
    g = problem.geometry
    pixels, channels = g.N * g.P * g.Q, up(g.C, lanes(problem.dtype))
    return Work(pixels * channels * g.R * g.S, 0, pixels * channels, channels * g.R * g.S,
                runs=g.N * g.P * g.R * g.S * up(g.Q, MOST) / MOST)  # fmt: skip


def terms(g: ConvGeometry) -> float:
    """One multiply-add a tap, from the bias on."""
    return g.R * g.S + 1


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    begin = np.zeros(g.C, x.dtype) if options.bias is None else options.bias
    taps = prepare(w, g) if options.prepared is None else options.prepared
    epilogue = options.epilogue or nothing(x.dtype)
    return bind_rows(x, taps, begin, options.rectify, y, along(g), epilogue)


@kernel(
    "conv2d",
    name="depthwise",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d depthwise"),
    abilities=Abilities(supports=supports, prepare=prepare, rectifies=True, bind=bind),
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
    """x (N,C,H,W), w (C,1,R,S), bias (C,) -> y (N,C,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    if y.size:
        bind(x, w, g, y, Options(bias, rectify, prepared))()
    return y


@lru_cache(4096)
def along(g: ConvGeometry) -> np.ndarray:
    """The taps of a window along both axes."""
    rows = Axis(g.R, -g.padding[0], g.dilation[0], 0, g.S * g.C, g.stride[0], g.P, 0, 1)
    columns = Axis(g.S, -g.padding[2], g.dilation[1], 0, g.C, g.stride[1], g.Q, 0, 1)
    return axes(rows, columns)
