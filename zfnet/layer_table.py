"""Table of the layers: shapes, parameters, operations, receptive fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernels.contract.geometry import ConvGeometry
from minidl import nn
from zfnet.inspectable import InspectableGraph
from zfnet.projection_rules import RULES

Two = tuple[int, int]
COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Row:
    """A layer.

    shape:      of its output for one image. macs: multiply-adds of the definition.
    parameters: its own; one that several layers have is counted at the first of them.
    sees, step: receptive field in the image, in pixels, and the step between neighbouring units;
                None: the whole image.
    inputs:     the layers whose outputs it takes.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    sees: tuple[int, int] | None
    step: tuple[int, int] | None
    inputs: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Colours:
    """The order of the colours in a network's input, and the factor of each."""

    order: tuple[str, ...]
    scale: tuple[float, ...]


def rows(model: InspectableGraph) -> list[Row]:
    """The layers that lead to the scores, in order."""
    names = [name for name in model.layer_names() if name in model.shapes()]
    counts = _parameters(model, names)
    return [_row(model, name, counts[name]) for name in names]


def colours(model: InspectableGraph) -> Colours:
    """The order and scale of red, green and blue in the first layer, if it is `nn.Pixels`."""
    for name, layer in model.children():
        if isinstance(layer, nn.Pixels) and model.wiring()[name] == (nn.INPUT,):
            order = tuple(COLOURS[channel] for channel in layer.settings["order"])
            return Colours(order, tuple(layer.settings["scale"]))
    return Colours(COLOURS, (1.0, 1.0, 1.0))


def beyond_the_paper(model: InspectableGraph) -> list[tuple[list[str], str]]:
    """(layers, rule) for each rule of projection that the paper does not define
    (`projection_rules.RULES`); layers that share a rule are listed together."""
    found = dict[str, list[str]]()
    for name, layer in model.children():
        if name in model.shapes() and type(layer) in RULES:
            found.setdefault(RULES[type(layer)], []).append(name)
    return [(names, rule) for rule, names in found.items()]


def _parameters(model: InspectableGraph, names: Sequence[str]) -> dict[str, int]:
    """The number of parameters of each layer, without those of layers before it."""
    layers, seen, counts = dict(model.children()), set[int](), dict[str, int]()
    for name in names:
        fresh = [p for p in layers[name].parameters() if id(p) not in seen]
        seen |= {id(p) for p in fresh}
        counts[name] = sum(p.size for p in fresh)
    return counts


def _row(model: InspectableGraph, name: str, parameters: int) -> Row:
    layer = dict(model.children())[name]
    sees, step = _field(model, name)
    return Row(
        name,
        type(layer).__name__,
        model.shapes()[name],
        parameters,
        _macs(model, name),
        sees,
        step,
        model.wiring()[name],
        getattr(layer, "settings", {}),
    )


def _field(model: InspectableGraph, name: str) -> tuple[Two | None, Two | None]:
    """The receptive field, and its step from unit to unit; None: the whole image, no fixed step.

    Where windows are scaled, the field is that of a unit in the middle.
    """
    if name in model.windowed():
        view = model.views(name)[nn.INPUT]
        return view.shape, view.stride if any(view.stride) else None
    if name not in model.planes():
        return None, None
    S, (_, P, Q) = model.image_size, model.unit_planes(name)
    box = model.receptive_field(name, P // 2, Q // 2)
    return (None if box.clip(S, S).shape == (S, S) else box.shape), None


def _macs(model: InspectableGraph, name: str) -> int:
    """Multiply-adds of convolutions and matrix products; other layers have few."""
    layer, geometry = dict(model.children())[name], model.geometries().get(name)
    if isinstance(layer, nn.Conv2d) and isinstance(geometry, ConvGeometry):
        return geometry.macs
    if isinstance(layer, nn.ConvTranspose2d):
        (source,) = model.wiring()[name]
        _, P, Q = model.shapes()[source]
        return P * Q * layer.weight.size
    return layer.weight.size if isinstance(layer, nn.Linear) else 0
