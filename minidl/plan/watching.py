"""State of a network that a plan depends on: its layers, settings and weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, eq, is_
from typing import Any

from minidl.nn.graph import Graph
from minidl.nn.module import Module
from minidl.tensor import Tensor

Attributes = dict[str, Any]
_version = attrgetter("version")


@dataclass(frozen=True, eq=False)
class Watched:
    """State of a network when its plan was made; compared at each run, so without a loop of Python.

    network, children, output: its layers then, and the name of its result.
    attributes: each layer's own dictionary; of the layers within layers too.
    names:      of all their entries then, in order.
    values:     of all their entries then, in order.
    settings:   those among the values that are dictionaries themselves, and copies of them.
    weights:    tensors, and their versions then.
    """

    network: Graph
    children: tuple[Module, ...]
    output: str
    attributes: tuple[Attributes, ...]
    names: tuple[str, ...]
    values: tuple[Any, ...]
    settings: tuple[tuple[Attributes, ...], tuple[Attributes, ...]]
    weights: tuple[tuple[Tensor, ...], tuple[int, ...]]

    def unchanged(self) -> bool:
        """Whether everything is as it was."""
        return (
            self.output == self.network.output
            and _same(self.children, _children(self.network))
            and sum(map(len, self.attributes)) == len(self.names)
            and all(map(eq, self.names, chain.from_iterable(self.attributes)))
            and all(map(is_, self.values, _values(self.attributes)))
            and all(map(eq, *self.settings))
            and all(map(eq, map(_version, self.weights[0]), self.weights[1]))
        )


def watched(network: Graph) -> Watched:
    """The state of a network now."""
    children = _children(network)
    layers = [layer for child in children for _, layer in child.named_modules()]
    attributes = tuple(vars(layer) for layer in layers)
    values = tuple(_values(attributes))
    settings = tuple(value for value in values if isinstance(value, dict))
    weights = tuple(value for value in values if isinstance(value, Tensor))
    return Watched(
        network,
        children,
        network.output,
        attributes,
        tuple(chain.from_iterable(attributes)),
        values,
        (settings, tuple(map(dict, settings))),
        (weights, tuple(map(_version, weights))),
    )


def _values(attributes: Iterable[Attributes]) -> Iterable[Any]:
    return chain.from_iterable(map(dict.values, attributes))


def _same(then: tuple[Module, ...], now: tuple[Module, ...]) -> bool:
    return len(then) == len(now) and all(map(is_, then, now))


def _children(network: Graph) -> tuple[Module, ...]:
    return tuple(layer for _, layer in network.named_children())
