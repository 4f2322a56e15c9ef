"""MobileNetV2 of inverted residual blocks (Sandler et al. 2018, Table 2), layer by layer.

    block(x) = project(relu6(depthwise(relu6(expand(x)))))    + x where stride and maps allow it

each a convolution with its normalisation: expand 1 x 1 to `t` times as many maps, depthwise 3 x 3,
project 1 x 1 without a rectifier. Names are torchvision's; a block's sum is `features.3.add`.
"""

from __future__ import annotations

from minidl import nn
from zfnet.architectures.plan import Plan
from zfnet.architectures.settings import NamedSettings

# (t, maps, blocks, stride) of each stage: Table 2 of the paper.
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip
FIRST, LAST = 32, 1280
DIVISOR = 8
"""Maps are multiples of it, where that loses no more than a tenth of them."""


def mobilenet_v2(settings: NamedSettings, plan: Plan) -> None:
    """The layers of the network; the last 1,280 maps do not become fewer with its width."""
    halvings = {4: 2, 2: 1, 1: 0}[settings.shrinking]
    plan.conv("features.0.0", _divisible(FIRST * settings.width), 3, stride=2 if halvings else 1)
    _after(plan, "features.0")
    number = 1
    published = tuple(blocks for _, _, blocks, _ in STAGES)
    stages = zip(STAGES, settings.staged(published), strict=False)
    for stage, ((factor, maps, _, stride), blocks) in enumerate(stages):
        stride = 1 if stage == 1 and halvings < 2 else stride  # the stem's second halving
        for block in range(blocks):
            name, first = f"features.{number}", stride if block == 0 else 1
            _block(plan, name, factor, _divisible(maps * settings.width), first)
            number += 1
    plan.conv(f"features.{number}.0", _divisible(LAST * max(1.0, settings.width)), 1)
    _after(plan, f"features.{number}")
    plan.add("avgpool", nn.GlobalAvgPool2d())
    plan.add("flatten", nn.Flatten())
    if settings.dropout:
        plan.add("classifier.0", nn.Dropout(settings.dropout))
    plan.scores("classifier.1", settings.num_classes)


def _after(plan: Plan, name: str) -> None:
    plan.norm(f"{name}.1")
    plan.add(f"{name}.2", nn.ReLU6())


def _block(plan: Plan, name: str, factor: int, maps: int, stride: int) -> None:
    source, before, place = plan.last, plan.maps, 0
    if factor != 1:
        plan.conv(f"{name}.conv.0.0", before * factor, 1)
        _after(plan, f"{name}.conv.0")
        place = 1
    wide = plan.maps
    plan.conv(f"{name}.conv.{place}.0", wide, 3, stride=stride, groups=wide)
    _after(plan, f"{name}.conv.{place}")
    plan.conv(f"{name}.conv.{place + 1}", maps, 1)
    projected = plan.norm(f"{name}.conv.{place + 2}")
    if stride == 1 and before == maps:
        plan.add(f"{name}.add", nn.Add(), source, projected)


def _divisible(maps: float) -> int:
    rounded = max(DIVISOR, int(maps + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded + DIVISOR if rounded < 0.9 * maps else rounded
