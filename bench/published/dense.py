"""DenseNet-121: Huang, Liu, van der Maaten, Weinberger (CVPR 2017), table 1, growth rate 32."""

from __future__ import annotations

from bench.published.builder import Builder
from minidl import nn

GROWTH, BLOCKS = 32, (6, 12, 24, 16)


def densenet121(net: Builder) -> None:
    x = net.pool("pool", net.conv_norm("stem", nn.INPUT, 64, 7, 2), 3, 2, 1)
    for block, layers in enumerate(BLOCKS, start=1):
        if block > 1:
            x = _before(net, f"transition{block}", x)
            x = net.conv(f"transition{block}.conv", x, net.shapes[x][0] // 2, 1, bias=False)
            x = net.average(f"transition{block}.pool", x, 2, 2)
        found = [x]
        for number in range(layers):
            name = f"block{block}.{number}"
            joined = net.join(f"{name}.input", *found) if number else x
            y = net.conv_norm(f"{name}.1", _before(net, f"{name}.0", joined), 4 * GROWTH, 1)
            found.append(net.conv(f"{name}.2", y, GROWTH, 3, bias=False))
        x = net.join(f"block{block}", *found)
    net.linear("logits", net.flat(net.mean("mean", _before(net, "last", x))), 1000)


def _before(net: Builder, name: str, x: str) -> str:
    """Batch normalisation and ReLU, in front of a convolution."""
    return net.put(f"{name}.relu", nn.ReLU(), net.norm(f"{name}.norm", x))
