"""VGG-11 with batch normalisation (Simonyan, Zisserman 2015, Table 1, A), and a small head.

Stages of 3 x 3 convolutions, each stage with a 2 x 2 max-pooling behind it. In place of two layers
of 4,096 units, nine tenths of the weights, the last planes are averaged, as in later networks.
Names are torchvision's, a number for each layer.
"""

from __future__ import annotations

from minidl import nn
from zfnet.architectures.plan import Plan
from zfnet.architectures.settings import NamedSettings

WIDTHS = (64, 128, 256, 512, 512)
PUBLISHED = (1, 1, 2, 2, 2)


def vgg11_bn(settings: NamedSettings, plan: Plan) -> None:
    """The layers of the network; a stem of 2 or 1 leaves the first pools out."""
    left_out = {4: 0, 2: 1, 1: 2}[settings.shrinking]
    number = 0
    for stage, convolutions in enumerate(settings.staged(PUBLISHED)):
        for _ in range(convolutions):
            plan.conv(f"features.{number}", settings.scaled(WIDTHS[stage]), 3)
            plan.norm(f"features.{number + 1}")
            plan.add(f"features.{number + 2}", nn.ReLU())
            number += 3
        if stage >= left_out:
            plan.add(f"features.{number}", nn.MaxPool2d(2, 2))
            number += 1
    plan.add("avgpool", nn.GlobalAvgPool2d())
    plan.add("flatten", nn.Flatten())
    if settings.dropout:
        plan.add("dropout", nn.Dropout(settings.dropout))
    plan.scores("classifier", settings.num_classes)
