"""A network of `minidl.nn` in PyTorch: the same layers by the same names with the same weights.

float32, with dropout. Local contrast normalisation, which PyTorch has not, is the formula in
PyTorch's functions, its blur in two passes as ours. This module needs PyTorch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from kernels.norm_geometry import LCNGeometry
from minidl import nn

functional = torch.nn.functional


class ContrastNorm(torch.nn.Module):
    """v = x - blur(mean of x over the maps), sigma = sqrt(blur(mean of v^2)), c the mean of sigma
    over an image, y = v / max(sigma, c, floor); a blur is divided by the blur of ones."""

    def __init__(self, g: LCNGeometry) -> None:
        super().__init__()
        line = torch.tensor(g.window(), dtype=torch.float32)
        self.tall, self.wide = line.reshape(1, 1, -1, 1), line.reshape(1, 1, 1, -1)
        self.half, self.floor = g.size // 2, g.floor
        self.covered: dict[tuple[int, int], Any] = {}

    def _window(self, u: Any) -> Any:
        tall = functional.conv2d(u, self.tall, padding=(self.half, 0))
        return functional.conv2d(tall, self.wide, padding=(0, self.half))

    def _blur(self, u: Any) -> Any:
        plane = u.shape[2:]
        if plane not in self.covered:
            self.covered[plane] = self._window(torch.ones(1, 1, *plane))
        return self._window(u) / self.covered[plane]

    def forward(self, x: Any) -> Any:
        v = x - self._blur(x.mean(1, keepdim=True))
        sigma = self._blur((v * v).mean(1, keepdim=True)).clamp(min=1e-30).sqrt()  # (N,1,H,W)
        c = sigma.mean((2, 3), keepdim=True).clamp(min=self.floor)
        return v / torch.maximum(sigma, c)


def network(model: nn.Sequential) -> Any:
    """The whole network as a torch.nn.Sequential."""
    return torch.nn.Sequential(OrderedDict((n, _twin(layer)) for n, layer in model.children()))


def _twin(layer: nn.Module) -> Any:
    settings: dict[str, Any] = getattr(layer, "settings", {})
    made: dict[type, Callable[[], Any]] = {
        nn.Conv2d: lambda: _with_weights(layer),
        nn.Linear: lambda: _with_weights(layer),
        nn.MaxPool2d: lambda: torch.nn.MaxPool2d(**settings),
        nn.LocalContrastNorm: lambda: ContrastNorm(LCNGeometry.of((1, 1, 1, 1), **settings)),
        nn.LocalResponseNorm: lambda: torch.nn.LocalResponseNorm(**settings),
        nn.ReLU: torch.nn.ReLU,
        nn.Flatten: torch.nn.Flatten,
        nn.Dropout: lambda: torch.nn.Dropout(getattr(layer, "p", 0.0)),
    }
    return made[type(layer)]()


def _with_weights(layer: nn.Module) -> Any:
    state = {name: torch.tensor(array.copy()) for name, array in layer.state_dict().items()}
    if isinstance(layer, nn.Conv2d):
        K, C, *size = state["weight"].shape
        settings = layer.settings
        module: Any = torch.nn.Conv2d(C, K, size, settings["stride"], settings["padding"])
    else:
        K, C = state["weight"].shape
        module = torch.nn.Linear(C, K)
    module.load_state_dict(state)
    return module
