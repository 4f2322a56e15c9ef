"""State of a network that a plan depends on: its layers, settings and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.nn.graph import Graph
from minidl.nn.module import Module
from minidl.tensor import Tensor

Attributes = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Watched:
    """State of a network when its plan was made.

    network, children, output: its layers then, and the name of its result.
    attributes: each layer's own dictionary, and its values then; of the layers within layers too.
    settings:   those among the values that are dictionaries themselves, and copies of them.
    weights:    tensors, and their versions then.
    """

    network: Graph
    children: tuple[Module, ...]
    output: str
    attributes: tuple[tuple[Attributes, Attributes], ...]
    settings: tuple[tuple[Attributes, Attributes], ...]
    weights: tuple[tuple[Tensor, int], ...]

    def unchanged(self) -> bool:
        """Whether everything is as it was."""
        if self.children != _children(self.network) or self.output != self.network.output:
            return False
        for now, then in self.attributes:
            if len(now) != len(then):
                return False
            for name, value in then.items():
                if now.get(name, self) is not value:
                    return False
        if any(now != then for now, then in self.settings):
            return False
        return all(weight.version == version for weight, version in self.weights)


def watched(network: Graph) -> Watched:
    """The state of a network now."""
    children = _children(network)
    layers = [layer for child in children for _, layer in child.named_modules()]
    own = tuple((vars(layer), dict(vars(layer))) for layer in layers)
    values = [value for _, then in own for value in then.values()]
    settings = tuple((v, dict(v)) for v in values if isinstance(v, dict))
    weights = tuple((v, v.version) for v in values if isinstance(v, Tensor))
    return Watched(network, children, network.output, own, settings, weights)


def _children(network: Graph) -> tuple[Module, ...]:
    return tuple(layer for _, layer in network.named_children())
