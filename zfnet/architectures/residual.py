"""Residual networks of basic blocks, ResNet-18 and 34 (He et al. 2016, Table 1), layer by layer.

    block(x) = relu(x + bn2(conv2(relu(bn1(conv1(x))))))

Where a block halves the planes, or has more maps than its input, x goes through a 1 x 1 convolution
of the same stride and a normalisation. The last normalisation of every block begins with the scale
0, so that the network begins as a shallow one (Goyal et al. 2017, section 5.1). Names are
torchvision's; the sum of a block is `layer1.0.add`.
"""

from __future__ import annotations

from functools import partial

from minidl import nn
from zfnet.architectures.plan import Plan
from zfnet.architectures.settings import NamedSettings

WIDTHS = (64, 128, 256, 512)


def residual(published: tuple[int, ...], settings: NamedSettings, plan: Plan) -> None:
    """The layers of a residual network with so many blocks in its stages."""
    _stem(settings, plan)
    for number, blocks in enumerate(settings.staged(published), start=1):
        maps = settings.scaled(WIDTHS[number - 1])
        for block in range(blocks):
            stride = 2 if number > 1 and block == 0 else 1
            _block(plan, f"layer{number}.{block}", maps, stride)
    plan.add("avgpool", nn.GlobalAvgPool2d())
    plan.add("flatten", nn.Flatten())
    if settings.dropout:
        plan.add("dropout", nn.Dropout(settings.dropout))
    plan.scores("fc", settings.num_classes)


resnet18 = partial(residual, (2, 2, 2, 2))
resnet34 = partial(residual, (3, 4, 6, 3))


def _stem(settings: NamedSettings, plan: Plan) -> None:
    shrinking = settings.shrinking
    size, stride = (7, 2) if shrinking == 4 else (3, shrinking)
    plan.conv("conv1", settings.scaled(WIDTHS[0]), size, stride=stride)
    plan.norm("bn1")
    plan.add("relu", nn.ReLU())
    if shrinking == 4:
        plan.add("maxpool", nn.MaxPool2d(3, 2, 1))


def _block(plan: Plan, name: str, maps: int, stride: int) -> None:
    source, before = plan.last, plan.maps
    plan.conv(f"{name}.conv1", maps, 3, stride=stride)
    plan.norm(f"{name}.bn1")
    plan.add(f"{name}.relu1", nn.ReLU())
    plan.conv(f"{name}.conv2", maps, 3)
    branch, shortcut = plan.norm(f"{name}.bn2", scale=0.0), source
    if stride != 1 or before != maps:
        plan.conv(f"{name}.downsample.0", maps, 1, source=source, stride=stride)
        shortcut = plan.norm(f"{name}.downsample.1")
    plan.add(f"{name}.add", nn.Add(), branch, shortcut)
    plan.add(f"{name}.relu", nn.ReLU())
