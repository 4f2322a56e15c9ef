"""PyTorch counterparts of networks of `minidl.nn`: the same layers, names and weights.

float32, with dropout. PyTorch has no local contrast normalisation; its formula is written in
PyTorch's functions, with a separable blur as ours. This module needs PyTorch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from kernels.contract.norm_geometry import LCNGeometry
from minidl import nn

functional = torch.nn.functional


class ContrastNorm(torch.nn.Module):
    """v = x - blur(mean of x over the maps), sigma = sqrt(blur(mean of v^2)), c the mean of sigma
    over an image, y = v / max(sigma, c, floor); a blur is divided by the blur of ones."""

    def __init__(self, g: LCNGeometry) -> None:
        super().__init__()
        line = torch.tensor(g.window(), dtype=torch.float32)
        self.vertical = line.reshape(1, 1, -1, 1)  # (s,) -> (1,1,s,1)
        self.horizontal = line.reshape(1, 1, 1, -1)  # (s,) -> (1,1,1,s)
        self.half, self.floor = g.size // 2, g.floor
        self.coverage: dict[tuple[int, int], Any] = {}

    def _window(self, u: Any) -> Any:
        blurred = functional.conv2d(u, self.vertical, padding=(self.half, 0))
        return functional.conv2d(blurred, self.horizontal, padding=(0, self.half))

    def _blur(self, u: Any) -> Any:
        plane = u.shape[2:]
        if plane not in self.coverage:
            self.coverage[plane] = self._window(torch.ones(1, 1, *plane, device=u.device))
        return self._window(u) / self.coverage[plane]

    def forward(self, x: Any) -> Any:
        v = x - self._blur(x.mean(1, keepdim=True))
        sigma = self._blur((v * v).mean(1, keepdim=True)).clamp(min=1e-30).sqrt()  # (N,1,H,W)
        c = sigma.mean((2, 3), keepdim=True).clamp(min=self.floor)
        return v / torch.maximum(sigma, c)


class Graph(torch.nn.Module):
    """Layers that branch and join; several inputs of a layer are concatenated along channels."""

    def __init__(self, model: nn.Graph) -> None:
        super().__init__()
        layers = dict(model.children())
        self.wiring = {name: model.wiring()[name] for name in layers}
        self.layers = torch.nn.ModuleList([_counterpart(layer) for layer in layers.values()])
        left = {source: name for name, sources in self.wiring.items() for source in sources}
        self.dead = {name: [s for s, last in left.items() if last == name] for name in layers}
        self.output = model.output

    def forward(self, x: Any) -> Any:
        outputs = {nn.INPUT: x}
        for (name, sources), layer in zip(self.wiring.items(), self.layers, strict=True):
            fed = [outputs[source] for source in sources]
            outputs[name] = layer(fed[0] if len(fed) == 1 else torch.cat(fed, 1))
            for source in self.dead[name]:
                del outputs[source]
        return outputs[self.output]


def network(model: nn.Graph) -> Any:
    """The counterpart of a network: a torch.nn.Sequential where ours is an nn.Sequential."""
    if not isinstance(model, nn.Sequential):
        return Graph(model)
    return torch.nn.Sequential(
        OrderedDict((n, _counterpart(layer)) for n, layer in model.children())
    )


def _counterpart(layer: nn.Module) -> Any:
    settings: dict[str, Any] = getattr(layer, "settings", {})
    made: dict[type, Callable[[], Any]] = {
        nn.Conv2d: lambda: _with_weights(layer),
        nn.Linear: lambda: _with_weights(layer),
        nn.MaxPool2d: lambda: torch.nn.MaxPool2d(**settings),
        nn.LocalContrastNorm: lambda: ContrastNorm(LCNGeometry.of((1, 1, 1, 1), **settings)),
        nn.LocalResponseNorm: lambda: torch.nn.LocalResponseNorm(**settings),
        nn.GlobalAvgPool2d: lambda: torch.nn.AdaptiveAvgPool2d(1),
        nn.Concatenate: torch.nn.Identity,
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
