"""Builder of graphs of layers: layers by name, each added behind layers that exist already.

It follows the shapes of one image, so that a layer is made for what it reads. Weights are drawn:
convolutions and linear layers from He's distribution, batch normalisation with scales, shifts and
statistics of its own, as after training, so that none is left out unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels import ConvGeometry, PoolGeometry
from kernels.contract.arguments import Pair, pair
from minidl import nn

Shape = tuple[int, ...]
Made = Callable[[], nn.Module]


@dataclass
class Builder:
    """Layers and their inputs by name; `shapes` are of one image, without the batch's axis."""

    image: Shape
    rng: np.random.Generator
    epsilon: float = 1e-5
    layers: dict[str, nn.Module] = field(default_factory=dict)
    wiring: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes[nn.INPUT] = self.image

    def graph(self) -> nn.Graph:
        return nn.Graph(self.layers, self.wiring)

    def put(self, name: str, layer: nn.Module, *below: str, shape: Shape | None = None) -> str:
        """Add a layer; its result has the shape of its first input unless given."""
        if name in self.layers:
            raise ValueError(f"there is a layer {name!r} already")
        self.layers[name], self.wiring[name] = layer, below
        self.shapes[name] = self.shapes[below[0]] if shape is None else shape
        return name

    def conv(
        self, name: str, below: str, K: int, size: Pair, stride: int = 1, padding: Any = None,
        groups: int = 1, bias: bool = True,
    ) -> str:  # fmt: skip
        """A convolution, which keeps the plane's size at stride 1 unless the padding is given."""
        C, H, W = self.shapes[below]
        R, S = pair(size, "size")
        padding = (R // 2, S // 2) if padding is None else padding
        layer = nn.Conv2d(C, K, (R, S), stride, padding, groups=groups, bias=bias, rng=self.rng)
        scale = np.float32(np.sqrt(2 / (C // groups * R * S)))
        layer.weight.assign(scale * self.rng.standard_normal(layer.weight.shape, np.float32))
        if layer.bias is not None:
            layer.bias.assign(self._drawn(K, -0.1, 0.1))
        g = ConvGeometry.of((1, C, H, W), layer.weight.shape, **layer.settings)
        return self.put(name, layer, below, shape=(K, g.P, g.Q))

    def norm(self, name: str, below: str) -> str:
        """Batch normalisation, in the state of a trained network."""
        C = self.shapes[below][0]
        layer = nn.BatchNorm2d(C, self.epsilon)
        arrays = {
            "weight": self._drawn(C, 0.5, 1.5),
            "bias": self._drawn(C, -0.1, 0.1),
            "running_mean": self._drawn(C, -0.1, 0.1),
            "running_var": self._drawn(C, 0.5, 1.5),
        }
        layer.load_state_dict({**layer.state_dict(), **arrays})
        return self.put(name, layer, below)

    def conv_norm(
        self, name: str, below: str, K: int, size: Pair, stride: int = 1, padding: Any = None,
        groups: int = 1, then: Made | None = nn.ReLU,
    ) -> str:  # fmt: skip
        """A convolution without bias, batch normalisation, and an activation unless None."""
        x = self.conv(f"{name}.conv", below, K, size, stride, padding, groups, bias=False)
        x = self.norm(f"{name}.norm", x)
        return x if then is None else self.put(f"{name}.act", then(), x)

    def conv_relu(
        self, name: str, below: str, K: int, size: Pair, stride: int = 1, padding: Any = None
    ) -> str:
        return self.put(f"{name}.relu", nn.ReLU(), self.conv(name, below, K, size, stride, padding))

    def pool(
        self, name: str, below: str, size: int, stride: int, padding: int = 0, ceil: bool = False
    ) -> str:
        layer = nn.MaxPool2d(size, stride, padding, ceil_mode=ceil)
        return self._pooled(name, layer, below)

    def average(self, name: str, below: str, size: int, stride: int, padding: int = 0) -> str:
        return self._pooled(name, nn.AvgPool2d(size, stride, padding), below)

    def _pooled(self, name: str, layer: nn.MaxPool2d | nn.AvgPool2d, below: str) -> str:
        s, shape = layer.settings, self.shapes[below]
        geometry = PoolGeometry.of(
            (1, *shape), s["kernel_size"], s["stride"], s["padding"], ceil_mode=s["ceil_mode"]
        )
        return self.put(name, layer, below, shape=geometry.y_shape[1:])

    def mean(self, name: str, below: str) -> str:
        """The mean of each plane: (C,H,W) -> (C,1,1)."""
        shape = (self.shapes[below][0], 1, 1)
        return self.put(name, nn.GlobalAvgPool2d(), below, shape=shape)

    def add(self, name: str, *below: str) -> str:
        return self.put(name, nn.Add(), *below)

    def join(self, name: str, *below: str) -> str:
        """Concatenation along the channels."""
        channels = sum(self.shapes[each][0] for each in below)
        shape = (channels, *self.shapes[below[0]][1:])
        return self.put(name, nn.Concatenate(), *below, shape=shape)

    def excite(self, name: str, below: str, squeezed: int, middle: Made, gate: Made) -> str:
        """Squeeze and excitation (Hu, Shen, Sun 2018): planes times a gate from their means."""
        x = self.conv(f"{name}.reduce", self.mean(f"{name}.mean", below), squeezed, 1)
        x = self.conv(
            f"{name}.expand", self.put(f"{name}.act", middle(), x), self.shapes[below][0], 1
        )
        x = self.put(f"{name}.gate", gate(), x)
        return self.put(f"{name}.scale", nn.Multiply(), below, x, shape=self.shapes[below])

    def flat(self, below: str, name: str = "flat") -> str:
        return self.put(name, nn.Flatten(), below, shape=(int(np.prod(self.shapes[below])),))

    def linear(self, name: str, below: str, K: int) -> str:
        """A linear layer on the last axis."""
        *axes, features = self.shapes[below]
        layer = nn.Linear(features, K, rng=self.rng)
        assert layer.bias is not None
        layer.bias.assign(self._drawn(K, -0.1, 0.1))
        return self.put(name, layer, below, shape=(*axes, K))

    def _drawn(self, count: int, low: float, high: float) -> np.ndarray:
        return self.rng.uniform(low, high, count).astype(np.float32)
