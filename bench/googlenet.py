"""GoogLeNet, a network with branches, with random weights: its layers by name.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: "Going Deeper with
Convolutions" (CVPR 2015), table 1, as Caffe's model zoo has it: without the classifiers at the
sides, dropout off. Max-pooling rounds up; the average at the end is over the whole plane.
"""

from __future__ import annotations

import numpy as np

from minidl import nn

INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj, as the table's columns."""
POOLED_AFTER = ("3b", "4e")


class _Builder:
    """Layers by name, each added behind layers that exist already."""

    def __init__(self, width: float, rng: np.random.Generator) -> None:
        self.layers: dict[str, nn.Module] = {}
        self.wiring: dict[str, tuple[str, ...]] = {}
        self.channels = {nn.INPUT: 3}
        self.width, self.rng = width, rng

    def put(self, name: str, layer: nn.Module, *below: str) -> str:
        self.layers[name], self.wiring[name] = layer, below
        self.channels[name] = sum(self.channels[source] for source in below)
        return name

    def conv(self, name: str, below: str, K: int, size: int, stride: int = 1) -> str:
        """A convolution that keeps the plane's size at stride 1, He's scale, and its ReLU."""
        K, C = max(1, round(K * self.width)), self.channels[below]
        layer = nn.Conv2d(C, K, size, stride, size // 2, rng=self.rng)
        scale = np.float32(np.sqrt(2 / (C * size * size)))
        layer.weight.assign(scale * self.rng.standard_normal(layer.weight.shape, np.float32))
        self.put(name, layer, below)
        self.channels[name] = K
        return self.put(f"{name}/relu", nn.ReLU(), name)

    def pool(self, name: str, below: str) -> str:
        return self.put(name, nn.MaxPool2d(3, 2, ceil_mode=True), below)

    def inception(self, name: str, below: str) -> str:
        one, before_three, three, before_five, five, behind = INCEPTION[name]
        single = self.conv(f"{name}/1x1", below, one, 1)
        reduced = self.conv(f"{name}/3x3_reduce", below, before_three, 1)
        middle = self.conv(f"{name}/3x3", reduced, three, 3)
        reduced = self.conv(f"{name}/5x5_reduce", below, before_five, 1)
        wide = self.conv(f"{name}/5x5", reduced, five, 5)
        pooled = self.put(f"{name}/pool", nn.MaxPool2d(3, 1, 1), below)
        behind_it = self.conv(f"{name}/pool_proj", pooled, behind, 1)
        return self.put(name, nn.Concatenate(), single, middle, wide, behind_it)


def googlenet(width: float, classes: int, rng: np.random.Generator) -> nn.Graph:
    """The network for images of any size from 64 x 64 on; `width` times as many filters."""
    net = _Builder(width, rng)
    x = net.pool("pool1", net.conv("conv1", nn.INPUT, 64, 7, stride=2))
    x = net.put("norm1", nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0), x)
    x = net.conv("conv2", net.conv("conv2_reduce", x, 64, 1), 192, 3)
    x = net.pool("pool2", net.put("norm2", nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0), x))
    for name in INCEPTION:
        x = net.inception(name, x)
        x = net.pool(f"{name}/pool_after", x) if name in POOLED_AFTER else x
    x = net.put("flat", nn.Flatten(), net.put("average", nn.GlobalAvgPool2d(), x))
    net.put("logits", nn.Linear(net.channels[x], classes, rng=rng), x)
    return nn.Graph(net.layers, net.wiring)
