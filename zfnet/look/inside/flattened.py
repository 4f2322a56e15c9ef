"""Planes whose pixels are the features of a linear layer."""

from __future__ import annotations

import math

from minidl import nn
from zfnet.inspectable import InspectableGraph

SHAPING = (nn.Dropout, nn.Flatten, nn.Identity, nn.Reshape)
"""Layers that leave the values of one image in their order."""


def planes_of(model: InspectableGraph, name: str) -> tuple[int, int, int] | None:
    """(C,H,W) of the planes that were flattened to the input of layer `name`; None without any."""
    layers, shapes, wiring = dict(model.children()), model.shapes(), model.wiring()
    source = wiring[name][0]
    features = shapes.get(source, ())
    while source in layers and isinstance(layers[source], SHAPING):
        source = wiring[source][0]
    side = model.image_size
    shape = (3, side, side) if source == nn.INPUT else shapes[source]
    if len(features) != 1 or len(shape) != 3 or math.prod(shape) != features[0]:
        return None
    return shape[0], shape[1], shape[2]
