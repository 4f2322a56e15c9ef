"""Folding of channelwise scales into the convolution before them: one pass less, same values."""

from __future__ import annotations

from collections import Counter

import numpy as np

from minidl.nn.batch_norm import BatchNorm2d
from minidl.nn.elementwise import Affine
from minidl.nn.graph import Graph
from minidl.nn.layers import Conv2d, Linear
from minidl.nn.module import Module

Foldable = Conv2d | Linear


def fold(graph: Graph) -> Graph:
    """The graph with each `Affine`, and each batch normalisation in eval, folded into the
    convolution or linear layer before it, if it is that layer's only reader; of several in sequence
    (Caffe's batch normalisation and scale) each.

        (w * x + b) scale + shift = (w scale) * x + (b scale + shift)

    Values change by rounding alone. The layers keep their names, the folded ones are removed. A
    layer that shares a parameter with another one stays as it is, so that the parameter stays one.
    """
    layers, wiring = dict(graph.children()), dict(graph.wiring())
    tied = _tied(graph)
    gone: dict[str, str] = {}
    readers = Counter(source for sources in wiring.values() for source in set(sources))
    for name, layer in graph.children():
        (below, *others) = wiring[name]
        alone = not others and readers[below] == 1 and below != graph.output
        into = gone.get(below, below)
        alone = alone and not {name, into} & tied
        source = layers.get(into)
        affine = _affine(layer)
        if alone and affine is not None and isinstance(source, Foldable):
            layers[into] = _folded(source, affine)
            gone[name] = into
    return Graph(
        {name: layer for name, layer in layers.items() if name not in gone},
        {
            name: [gone.get(source, source) for source in sources]
            for name, sources in wiring.items()
            if name not in gone
        },
        gone.get(graph.output, graph.output),
    )


def _tied(graph: Graph) -> set[str]:
    """The layers that share a parameter with another layer, or are used under two names."""
    users = Counter(id(p) for _, layer in graph.children() for p in set(layer.parameters()))
    shared = {p for p, count in users.items() if count > 1}
    return {
        name for name, layer in graph.children() if any(id(p) in shared for p in layer.parameters())
    }


def _affine(layer: Module) -> Affine | None:
    """The layer as a scale and a shift of channels; None for one that is none.

    A batch normalisation is one in eval, with its running statistics.
    """
    if isinstance(layer, BatchNorm2d) and not layer.training and layer.running_mean is not None:
        return layer.affine_of_running()
    return layer if isinstance(layer, Affine) else None


def _folded(layer: Foldable, affine: Affine) -> Module:
    scale, shift = affine.weight._array, affine.bias._array
    weight = layer.weight._array
    # (K,) -> (K,1,...), along the weight's first axis
    scaled = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    before = np.zeros_like(shift) if layer.bias is None else layer.bias._array
    bias = (before * scale + shift).astype(weight.dtype)
    if isinstance(layer, Conv2d):
        return Conv2d.of(scaled.astype(weight.dtype), bias, **layer.settings)
    return Linear.of(scaled.astype(weight.dtype), bias)
