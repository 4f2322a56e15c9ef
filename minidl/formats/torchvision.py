"""torchvision's AlexNet and VGG from their weights, with layers derived from the weights' names.

The layers are numbered in one sequence of convolutions, normalisations, ReLUs and pools. Only
layers with weights are in the file; the layers between them follow from the gaps in the numbers.
The average pooling after them, to 6 x 6 or 7 x 7, changes nothing for images of 224 x 224 and is
left out. Sources: torchvision/models/alexnet.py (the network of Krizhevsky's "One weird trick",
2014) and vgg.py (Simonyan, Zisserman 2015, table 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from minidl import nn
from minidl.nn.tying import tie

Arrays = Mapping[str, np.ndarray]
Layers = Iterator[tuple[str, nn.Module]]
EPSILON = 1e-5
"""Epsilon of PyTorch's batch normalisation."""
IMAGE = 224
ALEXNET = ((0, 11, 4, 2), (3, 5, 1, 2), (6, 3, 1, 1), (8, 3, 1, 1), (10, 3, 1, 1))
"""Number, window, stride and padding of each convolution."""
STATISTICS = ("running_mean", "running_var")
COUNTED = "num_batches_tracked"
"""A counter that PyTorch saves with the statistics, and that inference does not need."""


def from_state_dict(arrays: Arrays) -> nn.Sequential:
    """The network with these weights, under torchvision's names ("features.0.weight").

    AlexNet, or a VGG of any depth and width, with batch normalisation or without; floating point of
    any precision becomes float32. ValueError names missing, unknown and unlike arrays.
    """
    numbers, linear = _numbers(arrays, "features"), _numbers(arrays, "classifier")
    if numbers == [number for number, *_ in ALEXNET] and linear == [1, 4, 6]:
        return _sequence([*_alexnet(arrays), *_head(arrays, (0, 3), (1, 4, 6))], arrays)
    if numbers[:1] == [0] and linear == [0, 3, 6]:
        return _sequence([*_vgg(arrays, numbers), *_head(arrays, (2, 5), (0, 3, 6))], arrays)
    raise ValueError(
        "these are the weights of neither AlexNet nor a VGG by torchvision's names: "
        f"{', '.join(list(arrays)[:6])}, ..."
    )


def to_state_dict(model: nn.Graph) -> dict[str, np.ndarray]:
    """The state dictionary for `load_state_dict` of the same network in PyTorch.

    The names are those of the layers. An `Affine` is a batch normalisation there: beside its scale
    and shift it gets statistics that change nothing.
    """
    state = model.state_dict()
    for name, layer in model.children():
        if isinstance(layer, nn.Affine):
            state[f"{name}.running_mean"] = np.zeros_like(layer.bias.data)
            state[f"{name}.running_var"] = np.full_like(layer.weight.data, 1 - EPSILON)
            state[f"{name}.{COUNTED}"] = np.array(0)
    return state


def _numbers(arrays: Arrays, part: str) -> list[int]:
    """The numbers of the layers that have weights."""
    found = (re.match(rf"{part}\.(\d+)\.", name) for name in arrays)
    return sorted({int(match[1]) for match in found if match})


def _alexnet(arrays: Arrays) -> Layers:
    numbers = [number for number, *_ in ALEXNET]
    for number, window, stride, padding in ALEXNET:
        yield _conv(arrays, number, window, stride, padding)
        yield f"features.{number + 1}", nn.ReLU()
        if number + 2 not in numbers:
            yield f"features.{number + 2}", nn.MaxPool2d(3, 2)


def _vgg(arrays: Arrays, numbers: list[int]) -> Layers:
    at = 0
    while at <= numbers[-1]:
        yield _conv(arrays, at, 3, 1, 1)
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
            yield name, nn.Linear.of(*_weights(arrays, name, ("K", "F")))
        else:
            yield name, nn.Dropout(stream=number) if number in dropouts else nn.ReLU()


def _conv(
    arrays: Arrays, number: int, window: int, stride: int, padding: int
) -> tuple[str, nn.Module]:
    name = f"features.{number}"
    weight, bias = _weights(arrays, name, ("K", "C", window, window))
    settings = {"stride": stride, "padding": padding, "dilation": 1, "groups": 1}
    return name, nn.Conv2d.of(weight, bias, **settings)


def _normalisation(arrays: Arrays, number: int) -> tuple[str, nn.Module]:
    """A batch normalisation with fixed statistics, as a scale and a shift."""
    name = f"features.{number}"
    weight, bias = (a.astype(np.float64) for a in _weights(arrays, name, ("C",)))
    mean, variance = (_array(arrays, f"{name}.{what}").astype(np.float64) for what in STATISTICS)
    if not mean.shape == variance.shape == weight.shape or not (variance >= 0).all():
        raise ValueError(
            f"{name}: running_mean {mean.shape} and running_var {variance.shape} must be "
            f"{weight.shape}, as the weight, and no variance below 0"
        )
    scale = weight / np.sqrt(variance + EPSILON)
    shift = bias - mean * scale
    return name, nn.Affine(scale.astype(np.float32), shift.astype(np.float32))


def _weights(arrays: Arrays, name: str, axes: tuple[str | int, ...]) -> tuple[np.ndarray, ...]:
    """A layer's weight, of these axes (a letter is any size), and its bias."""
    weight, bias = _array(arrays, f"{name}.weight"), _array(arrays, f"{name}.bias")
    fits = weight.ndim == len(axes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(axes, weight.shape, strict=True)
    )
    if not fits or bias.shape != weight.shape[:1]:
        raise ValueError(
            f"{name}: weight {weight.shape} and bias {bias.shape} are unlike this layer's, "
            f"({', '.join(map(str, axes))}) and ({axes[0]})"
        )
    return weight, bias


def _array(arrays: Arrays, name: str) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"{name} is missing from the weights")
    if arrays[name].dtype.kind != "f":
        raise ValueError(f"{name} has the type {arrays[name].dtype}, expected floating point")
    return arrays[name].astype(np.float32)


def _sequence(layers: list[tuple[str, nn.Module]], arrays: Arrays) -> nn.Sequential:
    """The layers in sequence; ValueError unless they use all arrays and fit one another."""
    known = {f"{name}.{field}" for name, layer in layers for field in _fields(layer)}
    unknown = sorted(arrays.keys() - known)
    if unknown:
        raise ValueError(f"weights that belong to no layer: {', '.join(unknown[:6])}")
    channels, side = 3, IMAGE
    for name, layer in layers:
        channels, side = _after(name, layer, channels, side)
    network = nn.Sequential(**dict(layers))
    tie(network, arrays)
    return network


def _fields(layer: nn.Module) -> tuple[str, ...]:
    if isinstance(layer, nn.Affine):
        return ("weight", "bias", *STATISTICS, COUNTED)
    return ("weight", "bias") if isinstance(layer, nn.Conv2d | nn.Linear) else ()


def _after(name: str, layer: nn.Module, channels: int, side: int) -> tuple[int, int]:
    """Channels and side of a layer's output; side 0 after the flattening."""
    if isinstance(layer, nn.Flatten):
        return channels * side * side, 0
    if isinstance(layer, nn.MaxPool2d):
        size = layer.settings["kernel_size"]
        return channels, (side - size) // (layer.settings["stride"] or size) + 1
    if not isinstance(layer, nn.Conv2d | nn.Linear | nn.Affine):
        return channels, side
    takes = layer.weight.shape[0 if isinstance(layer, nn.Affine) else 1]
    if takes != channels:
        raise ValueError(
            f"{name} takes {takes} channels, the layers below give {channels} of images of "
            f"{IMAGE} x {IMAGE}"
        )
    if not isinstance(layer, nn.Conv2d):
        return layer.weight.shape[0], side
    R, padding, stride = layer.weight.shape[2], layer.settings["padding"], layer.settings["stride"]
    return layer.weight.shape[0], (side + 2 * padding - R) // stride + 1
