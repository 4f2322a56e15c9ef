"""Operations and shapes of a whole network, from the definitions of its layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kernels import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.operations import defined
from minidl import nn

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


def sizes(model: nn.Graph, shape: Shape) -> Sizes:
    """The sizes of `model` for x of this shape."""
    layers = list(_shapes(model, shape))
    forward = [_forward(*layer) for layer in layers]
    spared = forward[0] if isinstance(layers[0][0], nn.Conv2d) else 0
    backward = sum(_backward(*layer) for layer in layers) - spared
    weights = tuple(p.shape for p in model.parameters())
    return Sizes(sum(forward), backward, weights, layers[-1][2])


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
    return defined(operation, g)


def _backward(layer: nn.Module, x: Shape, y: Shape) -> int:
    operation, g = _defined(layer, x, y)
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return 2 * defined(operation, g)
    return defined(BACKWARD.get(operation, ""), g)


BACKWARD = {
    "relu": "relu_vjp",
    "max_pool2d": "max_unpool2d",
    "local_response_norm": "local_response_norm_vjp",
    "local_contrast_norm": "local_contrast_norm_vjp",
}
"""The operations of gradients with respect to the input alone."""


def _defined(layer: nn.Module, x: Shape, y: Shape) -> tuple[str, Any]:
    """A layer's operation and its geometry; "" for a layer that computes nothing."""
    if isinstance(layer, nn.Conv2d):
        return "conv2d", ConvGeometry.of(x, layer.weight.shape, **layer.settings)
    if isinstance(layer, nn.Linear):
        return "matmul", (x[0], *layer.weight.shape)  # (N,C) x (C,K) -> (N,K)
    if isinstance(layer, nn.MaxPool2d):
        return "max_pool2d", PoolGeometry.of(x, **layer.settings)
    if isinstance(layer, nn.LocalResponseNorm):
        return "local_response_norm", LRNGeometry.of(x, **layer.settings)
    if isinstance(layer, nn.LocalContrastNorm):
        return "local_contrast_norm", LCNGeometry.of(x, **layer.settings)
    return ("relu", y) if isinstance(layer, nn.ReLU) else ("", None)
