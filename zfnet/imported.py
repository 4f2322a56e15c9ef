"""Imported network: a graph of layers from elsewhere, as an inspectable graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import nn, no_grad
from minidl.nn.describe import build, describe
from zfnet.inspectable import InspectableGraph

LARGEST = 1 << 31
"""Limit of one layer's output for one image, in bytes, exclusive."""


class Imported(InspectableGraph):
    """Any graph of layers that turns images (N,3,S,S) into scores (N,C).

    A softmax at the end is removed, with any reshaping behind it, so that the output is the scores.
    ValueError, with the shapes, if the graph does not take such images or gives no scores.
    """

    def __init__(self, graph: nn.Graph, image_size: int) -> None:
        layers, wiring = dict(graph.children()), dict(graph.wiring())
        below = graph.below(_scores(graph))
        super().__init__(
            {name: layer for name, layer in layers.items() if name in below},
            {name: sources for name, sources in wiring.items() if name in below},
            _scores(graph),
        )
        self._side = image_size
        _check(self)

    @property
    def image_size(self) -> int:
        return self._side

    def described(self) -> dict[str, Any]:
        """Everything but the weights, for JSON."""
        return {"image_size": self._side, "graph": describe(self)}

    @classmethod
    def from_description(
        cls, described: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Imported:
        """The inverse of `described`; ValueError if description and arrays do not fit."""
        return cls(build(described["graph"], arrays), int(described["image_size"]))


def _scores(graph: nn.Graph) -> str:
    """The layer that gives the scores: before a softmax at the end, and before layers that only
    reshape a linear layer's output."""
    layers, wiring, name = dict(graph.children()), graph.wiring(), graph.output
    shaping = (nn.Flatten, nn.Reshape, nn.Identity, nn.Dropout)
    ending = [name]
    while isinstance(layers.get(ending[-1]), (*shaping, nn.Softmax)):
        ending.append(wiring[ending[-1]][0])
    softmax = [i for i, n in enumerate(ending) if isinstance(layers.get(n), nn.Softmax)]
    if isinstance(layers.get(ending[-1]), nn.Linear):
        return ending[-1]
    return ending[softmax[-1] + 1] if softmax else name


def _shapes(model: Imported) -> Mapping[str, tuple[int, ...]]:
    try:
        return model.shapes()
    except ValueError:  # again with one image, so that the message has its shape
        S = model.image_size
        with no_grad():
            model(model.input_tensor(np.zeros((1, 3, S, S), model.dtype)))
        raise


def _check(model: Imported) -> None:
    S = model.image_size
    try:
        shapes = _shapes(model)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"this network does not take images (N, 3, {S}, {S}), which is what the commands give: "
            f"{error}"
        ) from None
    for name, shape in shapes.items():
        if 4 * math.prod(shape) >= LARGEST:
            raise ValueError(
                f"layer {name!r} of this network makes {shape} of an image (3, {S}, {S}), which "
                f"are {LARGEST:,} bytes or more"
            )
    scores = shapes[model.scores]
    if len(scores) != 1:
        raise ValueError(
            f"this network makes {(1, *scores)} of an image (1, 3, {S}, {S}); the commands look "
            "into networks that give scores (N, classes)"
        )
