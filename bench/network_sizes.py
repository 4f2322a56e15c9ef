"""Operations and shapes of a whole network, from the definitions of its layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.operations import defined
from minidl import Tensor, nn, no_grad

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network for x of one shape.

    forward, backward: floating-point operations, without the gradient of the images themselves.
    weights:           the shape of each weight.
    output:            the shape of the result.
    """

    forward: int
    backward: int
    weights: tuple[Shape, ...]
    output: Shape

    @property
    def parameters(self) -> int:
        return sum(map(math.prod, self.weights))

    def of_batch(self, images: int) -> Sizes:
        """Of so many images, from the sizes of one."""
        forward, backward = images * self.forward, images * self.backward
        return Sizes(forward, backward, self.weights, (images, *self.output[1:]))


def sizes(model: nn.Graph, shape: Shape) -> Sizes:
    """The sizes of `model` for x of this shape."""
    layers = list(_shapes(model, shape))
    forward = [_forward(*layer) for layer in layers]
    spared = forward[0] if isinstance(layers[0][0], nn.Conv2d) else 0
    backward = sum(_backward(*layer) for layer in layers) - spared
    weights = tuple(p.shape for p in model.parameters())
    return Sizes(sum(forward), backward, weights, layers[-1][2])


def sizes_by_a_run(model: nn.Graph, shape: Shape) -> Sizes:
    """The same for layers of any kinds: their shapes are those of a run."""
    layers = layers_by_a_run(model, shape)
    filters = [each for each in layers if each.first and isinstance(each.layer, nn.Conv2d)]
    spared = filters[0].operations if filters else 0
    return Sizes(
        sum(each.operations for each in layers),
        sum(_backward(each.layer, each.x, each.y) for each in layers) - spared,
        tuple(p.shape for p in model.parameters()),
        next(each.y for each in layers if each.name == model.output),
    )


@dataclass(frozen=True)
class LayerSize:
    """A layer of a network, the shapes of its first input and of its result.

    first: it reads the network's input.
    given: bytes of all its inputs.
    """

    name: str
    layer: nn.Module
    x: Shape
    y: Shape
    first: bool
    given: int

    @property
    def operations(self) -> int:
        """Floating-point operations of the definition."""
        return _forward(self.layer, self.x, self.y)


def layers_by_a_run(model: nn.Graph, shape: Shape) -> list[LayerSize]:
    """The layers on the way to the result, in order, for x of this shape."""
    with no_grad():
        found = model.eval().activations(Tensor(np.zeros(shape, np.float32)))
    shapes: dict[str, Shape] = {nn.INPUT: shape} | {name: y.shape for name, y in found.items()}
    return [
        _layer_size(name, layer, shapes, model.wiring()[name])
        for name, layer in model.named_children()
        if name in found
    ]


def _layer_size(
    name: str, layer: nn.Module, shapes: Mapping[str, Shape], sources: Sequence[str]
) -> LayerSize:
    given = 4 * sum(math.prod(shapes[source]) for source in sources)
    first = sources[0] == nn.INPUT
    return LayerSize(name, layer, shapes[sources[0]], shapes[name], first, given)


def _shapes(model: nn.Graph, shape: Shape) -> Iterator[tuple[nn.Module, Shape, Shape]]:
    """(layer, shape of its input, shape of its result); several inputs are concatenated."""
    outputs = {nn.INPUT: shape}
    for name, layer in model.children():
        N, C, *plane = zip(*(outputs[source] for source in model.wiring()[name]), strict=True)
        fed = N[0], sum(C), *(size[0] for size in plane)
        outputs[name] = _after(layer, fed)
        yield layer, fed, outputs[name]


def _after(layer: nn.Module, shape: Shape) -> Shape:
    if isinstance(layer, nn.Conv2d):
        return ConvGeometry.of(shape, layer.weight.shape, **layer.settings).y_shape
    if isinstance(layer, nn.MaxPool2d):
        return PoolGeometry.of(shape, **layer.settings).y_shape
    if isinstance(layer, nn.GlobalAvgPool2d):
        return (*shape[:2], 1, 1)
    if isinstance(layer, nn.Flatten):
        return shape[0], math.prod(shape[1:])
    return (shape[0], layer.weight.shape[0]) if isinstance(layer, nn.Linear) else shape


def _forward(layer: nn.Module, x: Shape, y: Shape) -> int:
    if isinstance(layer, nn.GlobalAvgPool2d):
        return math.prod(x)
    operation, g = _defined(layer, x, y)
    if operation:
        return defined(operation, g)
    return 0 if isinstance(layer, MOVES) else math.prod(y)


def _backward(layer: nn.Module, x: Shape, y: Shape) -> int:
    operation, g = _defined(layer, x, y)
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return 2 * defined(operation, g)
    return defined(BACKWARD.get(operation, ""), g)


MOVES = (
    nn.Concatenate, nn.Dropout, nn.Expand, nn.Flatten, nn.Gather, nn.Identity, nn.Repeat,
    nn.Reshape, nn.Roll, nn.Slice, nn.Transpose,
)  # fmt: skip
"""Layers that move values; any other without a definition counts one operation a value."""

BACKWARD = {
    "relu": "relu_vjp",
    "max_pool2d": "max_unpool2d",
    "local_response_norm": "local_response_norm_vjp",
    "local_contrast_norm": "local_contrast_norm_vjp",
}
"""The operations of gradients with respect to the input alone."""


def _window(layer: nn.AvgPool2d, x: Shape) -> PoolGeometry:
    names = ("kernel_size", "stride", "padding", "ceil_mode")
    return PoolGeometry.of(x, **{name: layer.settings[name] for name in names})


def _defined(layer: nn.Module, x: Shape, y: Shape) -> tuple[str, Any]:
    """A layer's operation and its geometry; "" for a layer that computes nothing."""
    if isinstance(layer, nn.Conv2d):
        return "conv2d", ConvGeometry.of(x, layer.weight.shape, **layer.settings)
    if isinstance(layer, nn.Linear):
        return "matmul", (math.prod(x[:-1]), *layer.weight.shape)  # (N,C) x (C,K) -> (N,K)
    if isinstance(layer, nn.MaxPool2d):
        return "max_pool2d", PoolGeometry.of(x, **layer.settings)
    if isinstance(layer, nn.AvgPool2d):
        return "avg_pool2d", _window(layer, x)
    if isinstance(layer, nn.LocalResponseNorm):
        return "local_response_norm", LRNGeometry.of(x, **layer.settings)
    if isinstance(layer, nn.LocalContrastNorm):
        return "local_contrast_norm", LCNGeometry.of(x, **layer.settings)
    return ("relu", y) if isinstance(layer, nn.ReLU) else ("", None)
