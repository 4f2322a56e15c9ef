"""PyTorch counterparts of networks of `minidl.nn`: the same layers, names and weights.

float32, with dropout. This module needs PyTorch.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

from bench.torch_layers import counterpart
from minidl import nn


class Graph(torch.nn.Module):
    """Layers that branch and join."""

    def __init__(self, model: nn.Graph) -> None:
        super().__init__()
        needed = model.below(model.output)
        layers = {name: layer for name, layer in model.named_children() if name in needed}
        self.wiring = {name: model.wiring()[name] for name in layers}
        self.layers = torch.nn.ModuleList([counterpart(n, layer) for n, layer in layers.items()])
        left = {source: name for name, sources in self.wiring.items() for source in sources}
        self.dead = {name: [s for s, last in left.items() if last == name] for name in layers}
        self.output = model.output

    def forward(self, x: Any) -> Any:
        outputs = {nn.INPUT: x}
        for (name, sources), layer in zip(self.wiring.items(), self.layers, strict=True):
            outputs[name] = layer(*[outputs[source] for source in sources])
            for source in self.dead[name]:
                del outputs[source]
        return outputs[self.output]


def network(model: nn.Graph) -> Any:
    """The counterpart of a network: a torch.nn.Sequential where ours is an nn.Sequential.

    TypeError names a layer that has none.
    """
    if not isinstance(model, nn.Sequential):
        return Graph(model)
    return torch.nn.Sequential(OrderedDict((n, counterpart(n, la)) for n, la in model.children()))
