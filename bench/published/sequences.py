"""Networks of the years 2012 to 2016: AlexNet, VGG-16, SqueezeNet.

Krizhevsky, "One weird trick" (arXiv 1404.5997), as torchvision's AlexNet: 64 filters in the first
layer. Simonyan, Zisserman (arXiv 1409.1556), table 1 D. Iandola et al., SqueezeNet 1.1 (arXiv
1602.07360 and its repository).
"""

from __future__ import annotations

from bench.published.builder import Builder
from minidl import nn

VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Filters of the convolutions; 0 is a pooling."""
FIRE = ((16, 64), (16, 64), (0, 0), (32, 128), (32, 128), (0, 0),
        (48, 192), (48, 192), (64, 256), (64, 256))  # fmt: skip
"""Filters of a fire module: squeezed, and of each of its two branches; (0, 0) is a pooling."""


def alexnet_2014(net: Builder) -> None:
    x = net.conv_relu("conv1", nn.INPUT, 64, 11, 4, 2)
    x = net.conv_relu("conv2", net.pool("pool1", x, 3, 2), 192, 5)
    x = net.conv_relu("conv3", net.pool("pool2", x, 3, 2), 384, 3)
    x = net.conv_relu("conv5", net.conv_relu("conv4", x, 256, 3), 256, 3)
    _classifier(net, net.pool("pool5", x, 3, 2))


def vgg16(net: Builder) -> None:
    x = nn.INPUT
    for number, K in enumerate(VGG):
        x = net.conv_relu(f"conv{number}", x, K, 3) if K else net.pool(f"pool{number}", x, 2, 2)
    _classifier(net, x)


def _classifier(net: Builder, x: str) -> None:
    """Two hidden layers of 4096, whose dropout does nothing in inference."""
    x = net.flat(x)
    for name in ("fc6", "fc7"):
        x = net.put(f"{name}.relu", nn.ReLU(), net.linear(name, x, 4096))
    net.linear("logits", x, 1000)


def squeezenet1_1(net: Builder) -> None:
    x = net.conv_relu("conv1", nn.INPUT, 64, 3, 2, 0)
    x = net.pool("pool1", x, 3, 2, ceil=True)
    for number, (squeezed, K) in enumerate(FIRE, start=2):
        if not K:
            x = net.pool(f"pool{number}", x, 3, 2, ceil=True)
            continue
        y = net.conv_relu(f"fire{number}.squeeze", x, squeezed, 1)
        branches = [net.conv_relu(f"fire{number}.{size}x{size}", y, K, size) for size in (1, 3)]
        x = net.join(f"fire{number}", *branches)
    net.flat(net.mean("mean", net.conv_relu("conv10", x, 1000, 1)))
