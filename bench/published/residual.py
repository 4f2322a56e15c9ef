"""Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning" (CVPR 2016), table 1.

Stride 2 is in the 3x3 convolution of a bottleneck, as in torchvision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.published.builder import Builder
from minidl import nn

Block = Callable[[Builder, str, str, int, int], str]


def resnet18(net: Builder) -> None:
    _resnet(net, _basic, (2, 2, 2, 2))


def resnet50(net: Builder) -> None:
    _resnet(net, _bottleneck, (3, 4, 6, 3))


def _resnet(net: Builder, block: Block, blocks: Sequence[int]) -> None:
    x = net.conv_norm("stem", nn.INPUT, 64, 7, 2)
    x = net.pool("pool", x, 3, 2, 1)
    for stage, count in enumerate(blocks, start=1):
        for number in range(count):
            stride = 2 if stage > 1 and number == 0 else 1
            x = block(net, f"layer{stage}.{number}", x, 32 << stage, stride)
    net.linear("logits", net.flat(net.mean("mean", x)), 1000)


def _basic(net: Builder, name: str, x: str, K: int, stride: int) -> str:
    y = net.conv_norm(f"{name}.1", x, K, 3, stride)
    y = net.conv_norm(f"{name}.2", y, K, 3, then=None)
    return _joined(net, name, x, y, K, stride)


def _bottleneck(net: Builder, name: str, x: str, K: int, stride: int) -> str:
    y = net.conv_norm(f"{name}.1", x, K, 1)
    y = net.conv_norm(f"{name}.2", y, K, 3, stride)
    y = net.conv_norm(f"{name}.3", y, 4 * K, 1, then=None)
    return _joined(net, name, x, y, 4 * K, stride)


def _joined(net: Builder, name: str, x: str, y: str, K: int, stride: int) -> str:
    """The rectified sum of a block's input and result; the input is projected to its size."""
    if net.shapes[x] != net.shapes[y]:
        x = net.conv_norm(f"{name}.projection", x, K, 1, stride, then=None)
    return net.put(f"{name}.relu", nn.ReLU(), net.add(f"{name}.sum", y, x))
