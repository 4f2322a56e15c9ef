"""Operations and numbers of a whole network: those of all its layers' definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kernels import ConvGeometry, PoolGeometry
from minidl import nn

Shape = tuple[int, ...]


def forward(model: nn.Sequential, shape: Shape) -> int:
    """Floating-point operations of a forward pass on x of this shape."""
    return sum(_forward(layer, x, y) for layer, x, y in _shapes(model, shape))


def backward(model: nn.Sequential, shape: Shape) -> int:
    """Of the way back to the gradients of the weights: none for the images themselves."""
    passed = list(_shapes(model, shape))
    first = passed[0][0]
    total = sum(_backward(layer, x, y) for layer, x, y in passed)
    return total - (_forward(first, *passed[0][1:]) if isinstance(first, nn.Conv2d) else 0)


def output_shape(model: nn.Sequential, shape: Shape) -> Shape:
    """The shape of the network's result."""
    return list(_shapes(model, shape))[-1][2]


def parameters(model: nn.Module) -> int:
    """How many weights it has."""
    return sum(p.size for p in model.parameters())


def _shapes(model: nn.Sequential, shape: Shape) -> Iterator[tuple[nn.Module, Shape, Shape]]:
    """(layer, shape of its input, shape of its result) of each."""
    for _, layer in model.children():
        result = _after(layer, shape)
        yield layer, shape, result
        shape = result


def _after(layer: nn.Module, shape: Shape) -> Shape:
    if isinstance(layer, nn.Conv2d):
        return ConvGeometry.of(shape, layer.weight.shape, **layer.settings).y_shape
    if isinstance(layer, nn.MaxPool2d):
        return PoolGeometry.of(shape, **layer.settings).y_shape
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
    return math.prod(x) * {nn.LocalContrastNorm: 8, nn.ReLU: 1}.get(type(layer), 0)


def _backward(layer: nn.Module, x: Sequence[int], y: Sequence[int]) -> int:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return 2 * _forward(layer, x, y)
    if isinstance(layer, nn.LocalResponseNorm):
        return math.prod(x) * (2 * layer.settings["size"] + 14)
    return math.prod(y) * {nn.LocalContrastNorm: 12, nn.ReLU: 1, nn.MaxPool2d: 1}.get(
        type(layer), 0
    )
