"""Network with branches: strides, pools of both kinds, sums, concatenations."""

from __future__ import annotations

import numpy as np

from minidl import nn
from zfnet.imported import Imported

SIDE = 64


def branching(dtype: type = np.float64, side: int = SIDE, *, softmax: bool = True) -> Imported:
    """A small network like GoogLeNet, with a residual sum and the channels blue, green, red."""
    rng = np.random.default_rng(5)

    def conv(c: int, k: int, size: int, **settings: int) -> nn.Conv2d:
        weight = rng.standard_normal((k, c, size, size)) / np.sqrt(c * size * size)
        return nn.Conv2d.of(weight.astype(dtype), rng.standard_normal(k).astype(dtype), **settings)

    layers: dict[str, tuple[nn.Module, list[str]]] = {
        "pixels": (nn.Pixels((2, 1, 0), (0.1, 0.2, 0.1)), [nn.INPUT]),
        "stem/conv": (conv(3, 6, 5, stride=2, padding=2), ["pixels"]),
        "stem/relu": (nn.ReLU(), ["stem/conv"]),
        "stem/pool": (nn.MaxPool2d(3, 2, ceil_mode=True), ["stem/relu"]),
        "norm": (nn.LocalResponseNorm(), ["stem/pool"]),
        "a/1x1": (conv(6, 4, 1), ["norm"]),
        "a/relu": (nn.ReLU(), ["a/1x1"]),
        "b/3x3": (conv(6, 4, 3, padding=1), ["norm"]),
        "b/relu": (nn.ReLU(), ["b/3x3"]),
        "c/pool": (nn.MaxPool2d(3, 1, 1), ["norm"]),
        "c/proj": (conv(6, 4, 1), ["c/pool"]),
        "c/leaky": (nn.LeakyReLU(0.1), ["c/proj"]),
        "d/mean": (nn.AvgPool2d(3, 1, 1, count_include_pad=False), ["norm"]),
        "join": (nn.Concatenate(), ["a/relu", "b/relu", "c/leaky", "d/mean"]),
        "affine": (nn.Affine(rng.uniform(0.5, 2, 18).astype(dtype), np.zeros(18, dtype)), ["join"]),
        "mix": (conv(18, 18, 3, padding=1), ["affine"]),
        "sum": (nn.Add(), ["mix", "join"]),
        "sum/relu": (nn.ReLU(), ["sum"]),
        "mean": (nn.GlobalAvgPool2d(), ["sum/relu"]),
        "flat": (nn.Flatten(), ["mean"]),
        "scores": (nn.Linear.of(rng.standard_normal((5, 18)).astype(dtype)), ["flat"]),
    }
    if softmax:
        layers["prob"] = (nn.Softmax(), ["scores"])
    graph = nn.Graph({n: m for n, (m, _) in layers.items()}, {n: s for n, (_, s) in layers.items()})
    return Imported(graph, side)
