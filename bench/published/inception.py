"""GoogLeNet with batch normalisation, and Inception v3, as torchvision has them.

Szegedy et al. (CVPR 2015), table 1, with batch normalisation and a 3x3 in place of the 5x5
convolution; Szegedy et al. (CVPR 2016), table 1 and figures 5 to 7. Without classifiers at the
sides. (`bench/googlenet.py` is the network of 2014, with local response normalisation.)
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.googlenet import INCEPTION, POOLED_AFTER
from bench.published.builder import Builder
from kernels.contract.arguments import Pair
from minidl import nn


def googlenet_bn(net: Builder) -> None:
    x = net.pool("pool1", net.conv_norm("conv1", nn.INPUT, 64, 7, 2), 3, 2, ceil=True)
    x = net.conv_norm("conv3", net.conv_norm("conv2", x, 64, 1), 192, 3)
    x = net.pool("pool2", x, 3, 2, ceil=True)
    for name, (one, before3, three, before5, five, behind) in INCEPTION.items():
        pooled = net.pool(f"{name}.pool", x, 3, 1, 1, ceil=True)
        x = net.join(
            name,
            net.conv_norm(f"{name}.1", x, one, 1),
            _row(net, f"{name}.2", x, (before3, 1), (three, 3)),
            _row(net, f"{name}.3", x, (before5, 1), (five, 3)),
            net.conv_norm(f"{name}.4", pooled, behind, 1),
        )
        if name in POOLED_AFTER:
            x = net.pool(f"{name}.after", x, 2 if name == "4e" else 3, 2, ceil=True)
    net.linear("logits", net.flat(net.mean("mean", x)), 1000)


def inception_v3(net: Builder) -> None:
    x = _row(net, "stem", nn.INPUT, (32, 3, 2, 0), (32, 3, 1, 0), (64, 3))
    x = _row(net, "stem2", net.pool("pool1", x, 3, 2), (80, 1, 1, 0), (192, 3, 1, 0))
    x = net.pool("pool2", x, 3, 2)
    for number, pooled in enumerate((32, 64, 64)):
        x = _a(net, f"a{number}", x, pooled)
    x = _b(net, "b", x)
    for number, narrow in enumerate((128, 160, 160, 192)):
        x = _c(net, f"c{number}", x, narrow)
    x = _d(net, "d", x)
    for number in range(2):
        x = _e(net, f"e{number}", x)
    net.linear("logits", net.flat(net.mean("mean", x)), 1000)


Conv = tuple[int, Pair] | tuple[int, Pair, int, int]
"""Filters and window, and where they are given stride and padding."""
WIDE, HIGH = (1, 7), (7, 1)


def _row(net: Builder, name: str, x: str, *convolutions: Conv) -> str:
    """Convolutions in sequence, each with batch normalisation and ReLU."""
    for number, (K, size, *others) in enumerate(convolutions):
        stride, padding = others or (1, None)
        x = net.conv_norm(f"{name}.{number}", x, K, size, stride or 1, padding)
    return x


def _averaged(net: Builder, name: str, x: str, K: int) -> str:
    return net.conv_norm(f"{name}.4", net.average(f"{name}.pool", x, 3, 1, 1), K, 1)


def _a(net: Builder, name: str, x: str, pooled: int) -> str:
    return net.join(
        name,
        _row(net, f"{name}.1", x, (64, 1)),
        _row(net, f"{name}.2", x, (48, 1), (64, 5)),
        _row(net, f"{name}.3", x, (64, 1), (96, 3), (96, 3)),
        _averaged(net, name, x, pooled),
    )


def _b(net: Builder, name: str, x: str) -> str:
    return net.join(
        name,
        _row(net, f"{name}.1", x, (384, 3, 2, 0)),
        _row(net, f"{name}.2", x, (64, 1), (96, 3), (96, 3, 2, 0)),
        net.pool(f"{name}.pool", x, 3, 2),
    )


def _c(net: Builder, name: str, x: str, n: int) -> str:
    return net.join(
        name,
        _row(net, f"{name}.1", x, (192, 1)),
        _row(net, f"{name}.2", x, (n, 1), (n, WIDE), (192, HIGH)),
        _row(net, f"{name}.3", x, (n, 1), (n, HIGH), (n, WIDE), (n, HIGH), (192, WIDE)),
        _averaged(net, name, x, 192),
    )


def _d(net: Builder, name: str, x: str) -> str:
    return net.join(
        name,
        _row(net, f"{name}.1", x, (192, 1), (320, 3, 2, 0)),
        _row(net, f"{name}.2", x, (192, 1), (192, WIDE), (192, HIGH), (192, 3, 2, 0)),
        net.pool(f"{name}.pool", x, 3, 2),
    )


def _e(net: Builder, name: str, x: str) -> str:
    middle = _row(net, f"{name}.2", x, (384, 1))
    last = _row(net, f"{name}.3", x, (448, 1), (384, 3))
    return net.join(
        name,
        _row(net, f"{name}.1", x, (320, 1)),
        *_split(net, f"{name}.2", middle, ((1, 3), (3, 1))),
        *_split(net, f"{name}.3", last, ((1, 3), (3, 1))),
        _averaged(net, name, x, 192),
    )


def _split(net: Builder, name: str, x: str, sizes: Sequence[Pair]) -> list[str]:
    return [
        net.conv_norm(f"{name}.{letter}", x, 384, size)
        for letter, size in zip("ab", sizes, strict=True)
    ]
