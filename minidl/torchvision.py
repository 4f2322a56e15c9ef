"""torchvision's AlexNet and VGG from their weights: the names say which layers there are.

Their layers are numbered in one sequence, convolutions, normalisations, ReLUs and pools alike, and
only those with weights are in the file: what stands between them follows from the gaps. The
average pooling behind them, to 6 x 6 or 7 x 7, changes nothing at images of 224 x 224.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from minidl import nn

Arrays = Mapping[str, np.ndarray]
EPSILON = 1e-5
"""Of PyTorch's batch normalisation."""
IMAGE = 224
ALEXNET = (0, 3, 6, 8, 10)
"""Numbers of its convolutions; their strides and paddings are below."""
STRIDES, PADDINGS = (4, 1, 1, 1, 1), (2, 2, 1, 1, 1)


def from_state_dict(arrays: Arrays) -> nn.Sequential:
    """The network with these weights, named as torchvision names them ("features.0.weight").

    AlexNet, or a VGG of any depth and width, with batch normalisation or without. ValueError for
    other names, and for weights that do not follow each other.
    """
    numbers = sorted({int(n.split(".")[1]) for n in arrays if re.match(r"features\.\d+\.", n)})
    linear = sorted({int(n.split(".")[1]) for n in arrays if re.match(r"classifier\.\d+\.", n)})
    if tuple(numbers) == ALEXNET and linear == [1, 4, 6]:
        return _sequence([*_alexnet(arrays), *_head(arrays, (0, 3), (1, 4, 6))], arrays)
    if numbers[:1] == [0] and linear == [0, 3, 6]:
        return _sequence([*_vgg(arrays, numbers), *_head(arrays, (2, 5), (0, 3, 6))], arrays)
    raise ValueError(
        "these are the weights of neither AlexNet nor a VGG by torchvision's names: "
        f"{', '.join(list(arrays)[:6])}, ..."
    )


Layers = Iterator[tuple[str, nn.Module]]


def _alexnet(arrays: Arrays) -> Layers:
    for number, stride, padding in zip(ALEXNET, STRIDES, PADDINGS, strict=True):
        yield _conv(arrays, number, stride, padding)
        yield f"features.{number + 1}", nn.ReLU()
        if number + 2 not in ALEXNET:
            yield f"features.{number + 2}", nn.MaxPool2d(3, 2)


def _vgg(arrays: Arrays, numbers: list[int]) -> Layers:
    at = 0
    while at <= numbers[-1]:
        yield _conv(arrays, at, 1, 1)
        at += 1
        if f"features.{at}.running_mean" in arrays:
            yield _normalisation(arrays, at)
            at += 1
        yield f"features.{at}", nn.ReLU()
        at += 1
        if at not in numbers:
            yield f"features.{at}", nn.MaxPool2d(2)
            at += 1


def _head(arrays: Arrays, dropouts: tuple[int, ...], linear: tuple[int, ...]) -> Layers:
    yield "flatten", nn.Flatten()
    for number in range(linear[-1] + 1):
        name = f"classifier.{number}"
        if number in linear:
            yield name, nn.Linear.of(*_weights(arrays, name, 2))
        else:
            yield name, nn.Dropout(stream=number) if number in dropouts else nn.ReLU()


def _conv(arrays: Arrays, number: int, stride: int, padding: int) -> tuple[str, nn.Module]:
    name = f"features.{number}"
    weights = _weights(arrays, name, 4)
    return name, nn.Conv2d.of(*weights, stride=stride, padding=padding, dilation=1, groups=1)


def _normalisation(arrays: Arrays, number: int) -> tuple[str, nn.Module]:
    """With its statistics fixed: a scale and a shift."""
    name = f"features.{number}"
    weight, bias = _weights(arrays, name, 1)
    mean, variance = (arrays[f"{name}.running_{what}"] for what in ("mean", "var"))
    scale = weight / np.sqrt(variance + np.float32(EPSILON))
    return name, nn.Affine(scale, bias - mean * scale)


def _weights(arrays: Arrays, name: str, axes: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    except KeyError as missing:
        raise ValueError(f"the weights have no {missing}") from None
    if weight.ndim != axes or bias.shape != weight.shape[:1] or weight.dtype != np.float32:
        raise ValueError(
            f"{name}: weight {weight.dtype} {weight.shape} and bias {bias.shape} do not fit a "
            f"layer whose weight has {axes} axes"
        )
    return weight, bias


def _sequence(layers: list[tuple[str, nn.Module]], arrays: Arrays) -> nn.Sequential:
    """The layers, if they take up all arrays and each fits the one before."""
    taken = {name for name, _ in layers}
    unknown = sorted(name for name in arrays if name.rpartition(".")[0] not in taken)
    if unknown:
        raise ValueError(f"weights that belong to no layer: {', '.join(unknown[:6])}")
    channels, side = 3, IMAGE
    for name, layer in layers:
        channels, side = _after(name, layer, channels, side)
    return nn.Sequential(**dict(layers))


def _after(name: str, layer: nn.Module, channels: int, side: int) -> tuple[int, int]:
    """Channels and side of a layer's output; side 0 behind the planes."""
    if isinstance(layer, nn.Flatten):
        return channels * side * side, 0
    if isinstance(layer, nn.MaxPool2d):
        size = layer.settings["kernel_size"]
        return channels, (side - size) // (layer.settings["stride"] or size) + 1
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        return channels, side
    if layer.weight.shape[1] != channels:
        raise ValueError(
            f"{name} takes {layer.weight.shape[1]} channels, the layers below give {channels} of "
            f"images of {IMAGE} x {IMAGE}"
        )
    if isinstance(layer, nn.Linear):
        return layer.weight.shape[0], 0
    R, padding, stride = layer.weight.shape[2], layer.settings["padding"], layer.settings["stride"]
    return layer.weight.shape[0], (side + 2 * padding - R) // stride + 1
