"""Operations and numbers of a whole network: those of all its layers' definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kernels import ConvGeometry, PoolGeometry
from minidl import nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """What a network comes to on x of one shape.

    forward, backward: floating-point operations; none for a gradient of the images themselves.
    weights:           the shape of each.
    """

    forward: int
    backward: int
    weights: tuple[Shape, ...]
    output: Shape

    @property
    def parameters(self) -> int:
        return sum(map(math.prod, self.weights))


def sizes(model: nn.Graph, shape: Shape) -> Sizes:
    """Those of `model` on x of this shape."""
    layers = list(_shapes(model, shape))
    forward = [_forward(*layer) for layer in layers]
    spared = forward[0] if isinstance(layers[0][0], nn.Conv2d) else 0
    backward = sum(_backward(*layer) for layer in layers) - spared
    weights = tuple(p.shape for p in model.parameters())
    return Sizes(sum(forward), backward, weights, layers[-1][2])


def _shapes(model: nn.Graph, shape: Shape) -> Iterator[tuple[nn.Module, Shape, Shape]]:
    """(layer, shape of its input, shape of its result) of each; of several inputs, side by side."""
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


def _forward(layer: nn.Module, x: Sequence[int], y: Sequence[int]) -> int:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return 2 * math.prod(y) * math.prod(layer.weight.shape[1:])
    if isinstance(layer, nn.MaxPool2d):
        return math.prod(y) * layer.settings["kernel_size"] ** 2
    if isinstance(layer, nn.LocalResponseNorm):
        return math.prod(x) * (layer.settings["size"] + 6)
    each = {nn.LocalContrastNorm: 8, nn.ReLU: 1, nn.GlobalAvgPool2d: 1}
    return math.prod(x) * each.get(type(layer), 0)


def _backward(layer: nn.Module, x: Sequence[int], y: Sequence[int]) -> int:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return 2 * _forward(layer, x, y)
    if isinstance(layer, nn.LocalResponseNorm):
        return math.prod(x) * (2 * layer.settings["size"] + 14)
    return math.prod(y) * {nn.LocalContrastNorm: 12, nn.ReLU: 1, nn.MaxPool2d: 1}.get(
        type(layer), 0
    )
