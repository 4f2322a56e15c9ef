"""The layers of a network one by one, on whole planes or on patches (`kernels/patches.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernels import patches
from kernels.geometry import ConvGeometry, PoolGeometry
from minidl import Tensor, nn
from minidl import functional as F
from zfnet.model import ConvNet

Geometry = ConvGeometry | PoolGeometry


@dataclass(frozen=True, eq=False)
class Step:
    """A layer, or a convolution together with the ReLU behind it.

    name:     of the layer whose output it gives; `names`, also the convolution's before its ReLU.
    geometry: of its windows; None where it looks at each pixel alone, or at all at once.
    """

    name: str
    layer: nn.Module
    geometry: Geometry | None
    names: frozenset[str]

    @property
    def rectified(self) -> bool:
        return len(self.names) > 1

    @property
    def fill(self) -> float:
        """What its padding holds: less than any pixel for a pooling."""
        return patches.LOWEST if isinstance(self.geometry, PoolGeometry) else 0.0

    def whole(self, x: Tensor) -> Tensor:
        """The layer on whole planes."""
        if isinstance(self.layer, nn.Conv2d):
            return _convolved(self.layer, x, self.layer.settings, self.rectified)
        return self.layer(x)

    def bare(self, x: Tensor) -> Tensor:
        """The layer on patches that have its padding already."""
        if isinstance(self.layer, nn.Conv2d):
            return _convolved(self.layer, x, {**self.layer.settings, "padding": 0}, self.rectified)
        if isinstance(self.layer, nn.MaxPool2d):
            pooled = F.max_pool2d(x, **{**self.layer.settings, "padding": 0, "ceil_mode": False})
            assert isinstance(pooled, Tensor)
            return pooled
        return self.layer(x)


def _convolved(conv: nn.Conv2d, x: Tensor, settings: dict[str, Any], rectified: bool) -> Tensor:
    if rectified:
        return F.conv_relu_pool(x, conv.weight, conv.bias, settings)
    return F.conv2d(x, conv.weight, conv.bias, **settings)


def steps(model: ConvNet, until: str | None = None) -> list[Step]:
    """The layers that have planes, up to and with `until`; each ReLU with its convolution."""
    geometries, found = model.geometries(), list[Step]()
    for name, layer in model.children():
        if isinstance(layer, nn.Flatten):
            break
        before = found[-1] if found else None
        if before and isinstance(before.layer, nn.Conv2d) and isinstance(layer, nn.ReLU):
            found[-1] = Step(name, before.layer, before.geometry, before.names | {name})
        else:
            found.append(Step(name, layer, geometries.get(name), frozenset([name])))
        if name == until:
            break
    return found
