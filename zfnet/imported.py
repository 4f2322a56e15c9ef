"""Imported network: a graph of layers from elsewhere, as an inspectable graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry
from minidl import nn
from minidl.nn.describe import build, describe
from minidl.nn.shapes import output_shape
from zfnet.dependence_rules import geometry
from zfnet.inspectable import WINDOWS, InspectableGraph

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


def _check(model: Imported) -> None:
    """ValueError, with the shapes, unless images go in and scores come out."""
    S = model.image_size
    shapes: dict[str, tuple[int, ...]] = {nn.INPUT: (1, 3, S, S)}
    for name, layer in model.children():
        taken = [shapes[n] for n in model.wiring()[name]]
        try:
            # Before a kernel is chosen: for a huge plane that would take long.
            if isinstance(layer, WINDOWS):
                _require_small(name, geometry(layer, taken[0]).y_shape, S)
            elif isinstance(layer, nn.ConvTranspose2d):
                g = ConvGeometry.of_transposed(taken[0], layer.weight.shape, **layer.settings)
                _require_small(name, g.x_shape, S)
            shapes[name] = output_shape(layer, taken)
        except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            raise ValueError(
                f"this network does not take images (N, 3, {S}, {S}), which is what the commands "
                f"give: layer {name!r}: {error}"
            ) from None
        _require_small(name, shapes[name], S)
    scores = shapes[model.scores]
    if len(scores) != 2:
        raise ValueError(
            f"this network makes {scores} of an image (1, 3, {S}, {S}); the commands look "
            "into networks that give scores (N, classes)"
        )


def _require_small(name: str, shape: tuple[int, ...], side: int) -> None:
    if 4 * math.prod(shape) >= LARGEST:
        raise ValueError(
            f"layer {name!r} of this network makes {shape} of an image (1, 3, {side}, {side}), "
            f"which are {LARGEST:,} bytes or more"
        )
