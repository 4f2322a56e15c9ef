"""The layers of a network as they act on patches of their planes (`kernels/patches.py`)."""

from __future__ import annotations

from dataclasses import dataclass

from kernels import patches
from kernels.geometry import ConvGeometry, PoolGeometry
from minidl import Tensor, nn
from minidl import functional as F
from zfnet.model import ConvNet

Geometry = ConvGeometry | PoolGeometry


@dataclass(frozen=True, eq=False)
class Step:
    """A layer, or a convolution together with the ReLU behind it.

    name:     of the layer whose output it gives.
    geometry: of its windows; None where it looks at each pixel alone, or at all at once.
    """

    name: str
    layer: nn.Module
    geometry: Geometry | None
    rectified: bool = False

    @property
    def fill(self) -> float:
        """What its padding holds: less than any pixel for a pooling."""
        return patches.LOWEST if isinstance(self.geometry, PoolGeometry) else 0.0

    def __call__(self, x: Tensor) -> Tensor:
        """The layer on patches that have its padding already."""
        if isinstance(self.layer, nn.Conv2d):
            return _convolved(self.layer, x, self.rectified)
        if isinstance(self.layer, nn.MaxPool2d):
            pooled = F.max_pool2d(x, **{**self.layer.settings, "padding": 0, "ceil_mode": False})
            assert isinstance(pooled, Tensor)
            return pooled
        return self.layer(x)


def _convolved(conv: nn.Conv2d, x: Tensor, rectified: bool) -> Tensor:
    bare = {**conv.settings, "padding": 0}
    if rectified:
        return F.conv_relu_pool(x, conv.weight, conv.bias, bare)
    return F.conv2d(x, conv.weight, conv.bias, **bare)


def steps(model: ConvNet, until: str | None = None) -> list[Step]:
    """The layers that have planes, up to and with `until`; each ReLU with its convolution."""
    geometries, found = model.geometries(), list[Step]()
    for name, layer in model.children():
        if isinstance(layer, nn.Flatten):
            break
        before = found[-1] if found else None
        if before and isinstance(before.layer, nn.Conv2d) and isinstance(layer, nn.ReLU):
            found[-1] = Step(name, before.layer, before.geometry, rectified=True)
        else:
            found.append(Step(name, layer, geometries.get(name)))
        if name == until:
            break
    return found
