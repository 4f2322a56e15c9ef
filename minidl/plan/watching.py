"""What a plan depends on, and whether it has changed: layers' attributes and their weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from minidl.nn.module import Module, Parameter


@dataclass(frozen=True, eq=False)
class Watched:
    """State of layers when a plan was made.

    attributes: each layer's own dictionary, and its values then.
    settings:   those among the values that are dictionaries themselves, and copies of them.
    weights:    parameters, and their versions then.
    """

    attributes: tuple[tuple[dict[str, Any], dict[str, Any]], ...]
    settings: tuple[tuple[dict[str, Any], dict[str, Any]], ...]
    weights: tuple[tuple[Parameter, int], ...]

    def unchanged(self) -> bool:
        """Whether everything is as it was."""
        for now, then in self.attributes:
            if len(now) != len(then):
                return False
            for name, value in then.items():
                if now.get(name, self) is not value:
                    return False
        if any(now != then for now, then in self.settings):
            return False
        return all(weight.version == version for weight, version in self.weights)


def watched(layers: Iterable[Module]) -> Watched:
    """The state of these layers now."""
    every = list(layers)
    own = tuple((vars(layer), dict(vars(layer))) for layer in every)
    values = [value for _, then in own for value in then.values()]
    settings = tuple((v, dict(v)) for v in values if isinstance(v, dict))
    weights = tuple((v, v.version) for v in values if isinstance(v, Parameter))
    return Watched(own, settings, weights)
