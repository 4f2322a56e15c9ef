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
    """Any graph of layers that takes images (N,3,S,S).

    A softmax at the end is removed, with any reshaping behind it, so that the output is the scores;
    scores (N,C,1,1) are flattened. A network may also give something else, such as the planes of a
    segmentation or the boxes of a detection: it has no classes then.
    ValueError, with the shapes, if the graph does not take such images.
    """

    def __init__(self, graph: nn.Graph, image_size: int) -> None:
        layers, wiring, output = dict(graph.children()), dict(graph.wiring()), _scores(graph)
        below = graph.below(output)
        layers = {name: layer for name, layer in layers.items() if name in below}
        wiring = {name: sources for name, sources in wiring.items() if name in below}
        self._side = image_size
        shape = require_images(nn.Graph(layers, wiring, output), image_size)
        if len(shape) == 4 and shape[2:] == (1, 1):
            flat = _free("scores", layers)
            layers[flat], wiring[flat], output = nn.Flatten(), (output,), flat
        super().__init__(layers, wiring, output)

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


def _free(name: str, layers: Mapping[str, nn.Module]) -> str:
    """The name, with as many "_" behind it as make it no layer's."""
    while name in layers:
        name += "_"
    return name


def require_images(graph: nn.Graph, S: int) -> tuple[int, ...]:
    """The shape of the output for one image; ValueError, with the shapes, unless images go in."""
    shapes: dict[str, tuple[int, ...]] = {nn.INPUT: (1, 3, S, S)}
    for name, layer in graph.children():
        taken = [shapes[n] for n in graph.wiring()[name]]
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
    return shapes[graph.output]


def _require_small(name: str, shape: tuple[int, ...], side: int) -> None:
    if 4 * math.prod(shape) >= LARGEST:
        raise ValueError(
            f"layer {name!r} of this network makes {shape} of an image (1, 3, {side}, {side}), "
            f"which are {LARGEST:,} bytes or more"
        )
