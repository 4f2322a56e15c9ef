"""ConvNeXt-Tiny: Liu, Mao, Wu, Feichtenhofer, Darrell, Xie (CVPR 2022), section 2 and figure 4.

A block's linear layers and its normalisation work along the channels of each pixel, so its planes
are transposed to channels-last and back.
"""

from __future__ import annotations

import numpy as np

from bench.published.builder import Builder
from minidl import nn

DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
"""Axes of N, H, W, C from those of N, C, H, W, and the way back."""
EPSILON = 1e-6


def convnext_tiny(net: Builder) -> None:
    x = _normalised(net, "stem.norm", net.conv("stem", nn.INPUT, 96, 4, 4, 0))
    for stage, (depth, K) in enumerate(zip(DEPTHS, WIDTHS, strict=True), start=1):
        if stage > 1:
            x = net.conv(f"down{stage}", _normalised(net, f"down{stage}.norm", x), K, 2, 2, 0)
        for number in range(depth):
            x = _block(net, f"stage{stage}.{number}", x)
    x = _normalised(net, "last.norm", net.mean("mean", x))
    net.linear("logits", net.flat(x), 1000)


def _block(net: Builder, name: str, x: str) -> str:
    C = net.shapes[x][0]
    y = _moved(net, f"{name}.last", net.conv(f"{name}.depthwise", x, C, 7, groups=C), LAST)
    y = net.linear(f"{name}.wide", _norm(net, f"{name}.norm", y), 4 * C)
    y = net.linear(f"{name}.narrow", net.put(f"{name}.act", nn.GELU(), y), C)
    y = _moved(net, f"{name}.first", y, FIRST)
    scale = net.rng.uniform(0.1, 0.5, C).astype(np.float32)
    y = net.put(f"{name}.scale", nn.Affine(scale, np.zeros(C, np.float32)), y)
    return net.add(f"{name}.sum", y, x)


def _normalised(net: Builder, name: str, x: str) -> str:
    """Planes normalised along the channels of each pixel."""
    y = _norm(net, name, _moved(net, f"{name}.last", x, LAST))
    return _moved(net, f"{name}.first", y, FIRST)


def _norm(net: Builder, name: str, x: str) -> str:
    return net.put(name, nn.LayerNorm(net.shapes[x][-1], EPSILON), x)


def _moved(net: Builder, name: str, x: str, axes: tuple[int, ...]) -> str:
    shape = tuple(net.shapes[x][axis - 1] for axis in axes[1:])
    return net.put(name, nn.Transpose(axes), x, shape=shape)
