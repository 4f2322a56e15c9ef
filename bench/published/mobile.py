"""Networks of inverted residuals with depthwise convolutions: MobileNetV2, V3, EfficientNet.

Sandler et al. (CVPR 2018), table 2; Howard et al. (ICCV 2019), table 1; Tan, Le (ICML 2019),
table 1. Squeeze and excitation: Hu, Shen, Sun (CVPR 2018).
"""

from __future__ import annotations

from bench.published.builder import Builder, Made
from minidl import nn

V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
      (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
"""Expansion, filters, blocks, stride of the first block."""
V3 = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip
"""Window, expanded channels, filters, squeeze and excitation, hard swish, stride."""
B0 = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
      (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))  # fmt: skip
"""Expansion, window, stride of the first block, filters, blocks."""


def mobilenet_v2(net: Builder) -> None:
    x = net.conv_norm("stem", nn.INPUT, 32, 3, 2, then=nn.ReLU6)
    for stage, (expansion, K, count, stride) in enumerate(V2, start=1):
        for number in range(count):
            C, name = net.shapes[x][0], f"stage{stage}.{number}"
            step = stride if number == 0 else 1
            x = _inverted(net, name, x, expansion * C, K, 3, step, nn.ReLU6)
    x = net.conv_norm("head", x, 1280, 1, then=nn.ReLU6)
    net.linear("logits", net.flat(net.mean("mean", x)), 1000)


def mobilenet_v3_large(net: Builder) -> None:
    x = net.conv_norm("stem", nn.INPUT, 16, 3, 2, then=nn.Hardswish)
    for number, (size, expanded, K, excited, hard, stride) in enumerate(V3, start=1):
        act: Made = nn.Hardswish if hard else nn.ReLU
        squeezed = _divisible(expanded / 4) if excited else 0
        gates = nn.ReLU, nn.Hardsigmoid
        x = _inverted(net, f"block{number}", x, expanded, K, size, stride, act, squeezed, gates)
    x = net.conv_norm("head", x, 960, 1, then=nn.Hardswish)
    x = net.linear("hidden", net.flat(net.mean("mean", x)), 1280)
    net.linear("logits", net.put("hidden.act", nn.Hardswish(), x), 1000)


def efficientnet_b0(net: Builder) -> None:
    x = net.conv_norm("stem", nn.INPUT, 32, 3, 2, then=nn.SiLU)
    for stage, (expansion, size, stride, K, count) in enumerate(B0, start=1):
        for number in range(count):
            C, name = net.shapes[x][0], f"stage{stage}.{number}"
            step, gates = stride if number == 0 else 1, (nn.SiLU, nn.Sigmoid)
            x = _inverted(
                net, name, x, expansion * C, K, size, step, nn.SiLU, max(1, C // 4), gates
            )
    x = net.conv_norm("head", x, 1280, 1, then=nn.SiLU)
    net.linear("logits", net.flat(net.mean("mean", x)), 1000)


def _inverted(
    net: Builder, name: str, x: str, expanded: int, K: int, size: int, stride: int, act: Made,
    squeezed: int = 0, gates: tuple[Made, Made] = (nn.ReLU, nn.Sigmoid),
) -> str:  # fmt: skip
    """Expand by 1x1, filter each channel, excite if `squeezed`, project by 1x1; the sum with the
    block's input where the shapes are equal."""
    C, y = net.shapes[x][0], x
    if expanded != C:
        y = net.conv_norm(f"{name}.expand", y, expanded, 1, then=act)
    y = net.conv_norm(f"{name}.depthwise", y, expanded, size, stride, groups=expanded, then=act)
    if squeezed:
        y = net.excite(f"{name}.excite", y, squeezed, *gates)
    y = net.conv_norm(f"{name}.project", y, K, 1, then=None)
    same = stride == 1 and net.shapes[x] == net.shapes[y]
    return net.add(f"{name}.sum", x, y) if same else y


def _divisible(channels: float, divisor: int = 8) -> int:
    """Rounded to a multiple of 8, by less than a tenth down."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
