"""The convolutions of three networks, as data; images are 224 x 224.

ZFNet: Zeiler, Fergus 2013, Fig 3. AlexNet: Krizhevsky, Sutskever, Hinton 2012, section 3.5, on one
device (groups 1), with padding 2 on the first layer as `zfnet.model.AlexNet` has it. VGG-16:
Simonyan, Zisserman 2014 (arXiv 1409.1556), Table 1, configuration D; convolutions of the same
sizes stand here once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kernels import ConvGeometry


@dataclass(frozen=True)
class Layer:
    """One convolution: x (N,C,H,W) with weights (K,C/groups,R,S)."""

    network: str
    name: str
    C: int
    H: int
    W: int
    K: int
    R: int
    S: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def title(self) -> str:
        return f"{self.network}.{self.name}"

    def geometry(self, batch: int) -> ConvGeometry:
        """The geometry for `batch` images; ValueError if the sizes do not fit each other."""
        weights = (self.K, self.C // self.groups, self.R, self.S)
        images = (batch, self.C, self.H, self.W)
        return ConvGeometry.of(images, weights, self.stride, self.padding, 1, self.groups)

    def smallest(self) -> Layer:
        """The same filters on one window's pixels."""
        return replace(self, H=self.R, W=self.S)


def _layer(
    network: str, name: str, C: int, side: int, K: int, size: int, stride: int = 1, padding: int = 0
) -> Layer:
    return Layer(network, name, C, side, side, K, size, size, stride, padding)


LAYERS = (
    _layer("zfnet", "conv1", 3, 224, 96, 7, stride=2, padding=1),
    _layer("zfnet", "conv2", 96, 55, 256, 5, stride=2),
    _layer("zfnet", "conv3", 256, 13, 384, 3, padding=1),
    _layer("zfnet", "conv4", 384, 13, 384, 3, padding=1),
    _layer("zfnet", "conv5", 384, 13, 256, 3, padding=1),
    _layer("alexnet", "conv1", 3, 224, 96, 11, stride=4, padding=2),
    _layer("alexnet", "conv2", 96, 27, 256, 5, padding=2),
    _layer("alexnet", "conv3", 256, 13, 384, 3, padding=1),
    _layer("alexnet", "conv4", 384, 13, 384, 3, padding=1),
    _layer("alexnet", "conv5", 384, 13, 256, 3, padding=1),
    _layer("vgg16", "conv1_1", 3, 224, 64, 3, padding=1),
    _layer("vgg16", "conv1_2", 64, 224, 64, 3, padding=1),
    _layer("vgg16", "conv2_1", 64, 112, 128, 3, padding=1),
    _layer("vgg16", "conv2_2", 128, 112, 128, 3, padding=1),
    _layer("vgg16", "conv3_1", 128, 56, 256, 3, padding=1),
    _layer("vgg16", "conv3_2", 256, 56, 256, 3, padding=1),
    _layer("vgg16", "conv4_1", 256, 28, 512, 3, padding=1),
    _layer("vgg16", "conv4_2", 512, 28, 512, 3, padding=1),
    _layer("vgg16", "conv5_1", 512, 14, 512, 3, padding=1),
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
