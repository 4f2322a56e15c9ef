"""Folding of channelwise scales and terms into the layer of products before them: one pass less,
same values."""

from __future__ import annotations

from collections import Counter

import numpy as np

from minidl.nn.batch_norm import BatchNorm2d
from minidl.nn.elementwise import Affine
from minidl.nn.graph import Graph
from minidl.nn.layers import Conv2d, Linear
from minidl.nn.module import Module
from minidl.nn.moves import Transpose
from minidl.nn.operands import Shift

Foldable = Conv2d | Linear


def fold(graph: Graph) -> Graph:
    """The graph with each `Affine`, each batch normalisation in eval, and after a linear layer each
    sum with a term for each feature, folded into the convolution or linear layer before it, if it
    is that layer's only reader; of several in sequence (Caffe's batch normalisation and scale)
    each. Between them the features of a linear layer may become channels (ConvNeXt's blocks).

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
        behind = gone.get(below, below)
        moved = layers.get(behind)
        into = behind
        if isinstance(moved, Transpose):
            (before,) = wiring[behind]
            alone = alone and readers[before] == 1 and before != graph.output
            into = gone.get(before, before)
        source = layers.get(into)
        affine = _affine(layer, source, moved)
        if alone and affine is not None and not {name, into} & tied:
            assert isinstance(source, Foldable)
            layers[into] = _folded(source, affine)
            gone[name] = behind
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


Terms = tuple[np.ndarray, np.ndarray]
"""Scale and shift of each channel, or feature."""


def _affine(layer: Module, source: Module | None, moved: Module | None) -> Terms | None:
    """What the layer does to each channel of the result of `source`; None where it is more, or the
    source none that takes it.

    moved: the layer between them, or the source. A batch normalisation is an affine layer in eval,
    with its running statistics.
    """
    if not isinstance(source, Foldable):
        return None
    if moved is not source and not (isinstance(source, Linear) and _to_channels(moved)):
        return None
    if isinstance(layer, Shift):
        features = source.weight.shape[0]
        alike = layer.weight.size == features == layer.weight.shape[-1]
        if moved is not source or not isinstance(source, Linear) or not alike:
            return None
        shift = layer.weight._array.reshape(features)  # (1,...,F) -> (F,)
        return np.ones_like(shift), shift
    if isinstance(layer, BatchNorm2d) and not layer.training and layer.running_mean is not None:
        layer = layer.affine_of_running()
    if not isinstance(layer, Affine) or len(layer.weight) != len(source.weight):
        return None
    return layer.weight._array, layer.bias._array


def _to_channels(layer: Module | None) -> bool:
    """Whether the last axis becomes the second one."""
    axes: tuple[int, ...] = layer.settings["axes"] if isinstance(layer, Transpose) else ()
    return len(axes) > 2 and axes[1] == len(axes) - 1


def _folded(layer: Foldable, affine: Terms) -> Module:
    scale, shift = affine
    weight = layer.weight._array
    # (K,) -> (K,1,...), along the weight's first axis
    scaled = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    before = np.zeros_like(shift) if layer.bias is None else layer.bias._array
    bias = (before * scale + shift).astype(weight.dtype)
    if isinstance(layer, Conv2d):
        return Conv2d.of(scaled.astype(weight.dtype), bias, **layer.settings)
    return Linear.of(scaled.astype(weight.dtype), bias)
