"""The layers of known networks; images are 224 x 224.

ZFNet: Zeiler, Fergus 2013, Fig 3. AlexNet: Krizhevsky, Sutskever, Hinton 2012, section 3.5, on one
device (groups 1), with padding 2 on the first layer as `zfnet.model.AlexNet` has it. VGG-16:
Simonyan, Zisserman 2014 (arXiv 1409.1556), Table 1, configuration D; convolutions of the same
sizes are listed once. GoogLeNet is in `googlenet.py`, networks as a whole in `published/`.
"small" is no published network: it is a reduced ZFNet for `--quick`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.layers import (
    Activated,
    Attended,
    Convolution,
    Cut,
    Filters,
    Grouped,
    Heads,
    Joined,
    Layer,
    Normalised,
    Pool,
    Rectified,
    Stage,
    Weights,
)
from bench.network_layers import Branching, Network, Square, Unit, Whole
from bench.published import PUBLISHED, SIDES


def _conv(
    network: str, name: str, C: int, side: int, K: int, size: int, stride: int = 1, padding: int = 0
) -> Convolution:
    return Convolution(network, name, C, side, side, K, size, size, stride, padding)


def _pool(
    network: str, name: str, C: int, side: int, size: int, stride: int, padding: int = 0
) -> Pool:
    return Pool(network, name, C, side, side, size, stride, padding)


SIDE = 224
LAYERS: tuple[Layer, ...] = (
    _conv("zfnet", "conv1", 3, 224, 96, 7, stride=2, padding=1),
    _conv("zfnet", "conv2", 96, 55, 256, 5, stride=2),
    _conv("zfnet", "conv3", 256, 13, 384, 3, padding=1),
    _conv("zfnet", "conv4", 384, 13, 384, 3, padding=1),
    _conv("zfnet", "conv5", 384, 13, 256, 3, padding=1),
    Rectified("zfnet", "relu1", 96, 110, 110),
    _pool("zfnet", "pool1", 96, 110, 3, 2, padding=1),
    _pool("zfnet", "pool2", 256, 26, 3, 2, padding=1),
    _pool("zfnet", "pool5", 256, 13, 3, 2),
    Normalised("zfnet", "norm1", 96, 55, 55),
    Normalised("zfnet", "norm2", 256, 13, 13),
    Stage("zfnet", "stage1", 3, 224, 96, 7, 2, 1, 3, 2, 1),
    Stage("zfnet", "stage2", 96, 55, 256, 5, 2, 0, 3, 2, 1),
    Stage("zfnet", "stage5", 384, 13, 256, 3, 1, 1, 3, 2, 0),
    Cut("zfnet", "patches1", 96, 110, size=25, part=20),
    Weights("zfnet", "fc7", 4096, 4096),
    Filters("zfnet", "filters1", 96, 3, 7),
    Filters("zfnet", "filters4", 384, 384, 3),
    Whole("zfnet", "lrn", "lrn"),
    Whole("zfnet", "lcn", "lcn"),
    Unit("zfnet", "unit1", "lrn", layer="conv1"),
    Unit("zfnet", "unit5", "lrn", layer="conv5"),
    Square("zfnet", "square", "lrn"),
    _conv("alexnet", "conv1", 3, 224, 96, 11, stride=4, padding=2),
    _conv("alexnet", "conv2", 96, 27, 256, 5, padding=2),
    _conv("alexnet", "conv3", 256, 13, 384, 3, padding=1),
    _conv("alexnet", "conv4", 384, 13, 384, 3, padding=1),
    _conv("alexnet", "conv5", 384, 13, 256, 3, padding=1),
    _pool("alexnet", "pool1", 96, 55, 3, 2),
    _pool("alexnet", "pool2", 256, 27, 3, 2),
    _pool("alexnet", "pool5", 256, 13, 3, 2),
    Normalised("alexnet", "norm1", 96, 55, 55),
    Normalised("alexnet", "norm2", 256, 27, 27),
    _conv("vgg16", "conv1_1", 3, 224, 64, 3, padding=1),
    _conv("vgg16", "conv1_2", 64, 224, 64, 3, padding=1),
    _conv("vgg16", "conv2_1", 64, 112, 128, 3, padding=1),
    _conv("vgg16", "conv2_2", 128, 112, 128, 3, padding=1),
    _conv("vgg16", "conv3_1", 128, 56, 256, 3, padding=1),
    _conv("vgg16", "conv3_2", 256, 56, 256, 3, padding=1),
    _conv("vgg16", "conv4_1", 256, 28, 512, 3, padding=1),
    _conv("vgg16", "conv4_2", 512, 28, 512, 3, padding=1),
    _conv("vgg16", "conv5_1", 512, 14, 512, 3, padding=1),
    _pool("vgg16", "pool1", 64, 224, 2, 2),
    _pool("vgg16", "pool2", 128, 112, 2, 2),
    _pool("vgg16", "pool3", 256, 56, 2, 2),
    _pool("vgg16", "pool4", 512, 28, 2, 2),
    _pool("vgg16", "pool5", 512, 14, 2, 2),
    Joined("googlenet", "inception3a", (64, 128, 32, 32), 28),
    Branching("googlenet", "whole"),
    Heads("vit_b_16", "scores", 12, 197, 197, 64),
    Heads("vit_b_16", "values", 12, 197, 64, 197),
    Heads("swin_t", "scores", 192, 49, 49, 32),
    Activated("vit_b_16", "gelu", 197, 3072, "gelu"),
    Activated("convnext_tiny", "gelu1", 3136, 384, "gelu"),
    Activated("efficientnet_b0", "silu1", 12544, 96, "silu"),
    Activated("efficientnet_b0", "gate6", 1, 1152, "sigmoid"),
    Activated("mobilenet_v3_large", "hardswish", 784, 240, "hardswish"),
    Attended("vit_b_16", "softmax", 12, 197, 197),
    Attended("swin_t", "softmax1", 192, 49, 49),
    Grouped("convnext_tiny", "norm1", 3136, 1, 96),
    Grouped("vit_b_16", "norm", 197, 1, 768),
    Grouped("swin_t", "norm4", 49, 1, 768),
    Grouped("unet", "group1", 1, 4096, 320, 32),
    Grouped("unet", "group3", 1, 256, 1280, 32),
    Whole("small", "lrn", "lrn", image=64, width=0.25, classes=10),
    Whole("small", "lcn", "lcn", image=64, width=0.25, classes=10),
    *(
        Network(name, "network", H=SIDES.get(name, SIDE), W=SIDES.get(name, SIDE))
        for name in PUBLISHED
    ),
)


def select(names: Sequence[str], layers: Sequence[Layer] = LAYERS) -> list[Layer]:
    """The layers with these titles or of these networks; ValueError names what there is."""
    for name in names:
        if not any(name in (layer.title, layer.network) for layer in layers):
            known = ", ".join(layer.title for layer in layers)
            networks = ", ".join(dict.fromkeys(layer.network for layer in layers))
            raise ValueError(
                f"no layer {name!r}; give one of {known}, or a whole network: {networks}"
            )
    return [layer for layer in layers if layer.title in names or layer.network in names]
