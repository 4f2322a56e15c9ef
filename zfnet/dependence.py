"""Dependence of a layer's places on its inputs' places: layout, reach, and patches.

The table has one row for each kind of layer whose dependence is known. Any other kind depends on
the whole planes of its inputs: a bound that holds for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from minidl import nn
from zfnet.layouts import Layout, Shape, reshaped, transposed
from zfnet.reach import Axis, Everything, Mapped, Reach, Same, Sliding, Upsampling

Geometry = ConvGeometry | PoolGeometry


@dataclass(frozen=True)
class Value:
    """An output of one image: its shape, its layout, and whether the layout is known.

    An unknown layout is a numbering of the units alone: they depend on the whole image.
    """

    shape: Shape
    layout: Layout
    known: bool = True

    @property
    def plane(self) -> tuple[int, int]:
        return self.layout.plane(self.shape)


@dataclass(frozen=True)
class Dependence:
    """What a layer's output depends on.

    layout:    of the output; None: unknown.
    reaches:   one for each input.
    patchable: whether the layer can be computed on patches of its inputs: it slides a window, or
               computes every place from the same place.
    """

    layout: Layout | None
    reaches: tuple[Reach, ...]
    patchable: bool = False


Rule = Callable[[Any, Sequence[Value], Shape], Dependence]
RULES: dict[str, Rule] = {}
"""By the name of a layer's kind: its dependence, from the layer, its inputs, and its output's
shape."""


def dependence(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """The dependence of the layer's output, of `shape`, on its inputs."""
    rule = RULES.get(type(layer).__name__, anything)
    return rule(layer, inputs, shape)


def of(*kinds: str) -> Callable[[Rule], Rule]:
    """Decorator: the rule of these kinds of layers."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def everything(inputs: Sequence[Value]) -> tuple[Reach, ...]:
    """The whole plane of every input."""
    return tuple(Everything(value.plane) for value in inputs)


def anything(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """An unknown kind: the axes are taken for those of an input of the same shape."""
    alike = [value.layout for value in inputs if value.known and value.shape == shape]
    return Dependence(alike[0] if alike else None, everything(inputs))


def geometry(layer: nn.Module, shape: Shape) -> Geometry:
    """The geometry of a layer that slides a window over planes (N,C,H,W)."""
    if isinstance(layer, nn.Conv2d):
        return ConvGeometry.of(shape, layer.weight.shape, **layer.settings)
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return PoolGeometry.of(shape, **layer.settings)
    return PoolGeometry.of(shape, shape[2:])


@of("Conv2d", "MaxPool2d", "AvgPool2d", "GlobalAvgPool2d", "GlobalMaxPool2d")
def sliding(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    if not (value.known and value.layout.channels_first):
        return anything(layer, inputs, shape)
    reach = Sliding(geometry(layer, (1, *value.shape)))
    return Dependence(value.layout, (reach,), patchable=True)


@of("ConvTranspose2d")
def upsampling(layer: nn.ConvTranspose2d, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    if not (value.known and value.layout.channels_first):
        return anything(layer, inputs, shape)
    g = ConvGeometry.of_transposed((1, *value.shape), layer.weight.shape, **layer.settings)
    return Dependence(value.layout, (Upsampling(g),))


@of(
    "Affine", "Clip", "Dropout", "ELU", "GELU", "Hardsigmoid", "Hardswish", "Identity", "LeakyReLU",
    "LocalContrastNorm", "LocalResponseNorm", "Mish", "PReLU", "Pixels", "ReLU", "SiLU", "Sigmoid",
    "Softplus", "Tanh",
)  # fmt: skip
def pointwise(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Every place from the same place. What these layers do along the channels is along axis 1."""
    (value,) = inputs
    return Dependence(
        value.layout if value.known else None,
        (Same(),) if value.known else everything(inputs),
        patchable=value.known,
    )


@of("Softmax", "LogSoftmax")
def normalised(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Every place from the same place, unless the sum is over places."""
    (value,) = inputs
    axis = layer.settings.get("axis", layer.settings.get("dim", -1))  # type: ignore[attr-defined]
    return _along(value, [axis % (len(shape) + 1) - 1], shape)


def _along(value: Value, axes: Sequence[int], shape: Shape) -> Dependence:
    """An operation along some axes of one image, which keeps their number: places on them depend
    on all of the axis."""
    if not value.known:
        return anything(nn.Identity(), [value], shape)
    mixed = [axis for axis in value.layout.places if axis in axes]
    if not mixed:
        return Dependence(value.layout, (Same(),), patchable=True)
    if value.layout.grid is not None or len(mixed) == 2:
        return Dependence(value.layout, everything([value]))
    return Dependence(value.layout, (_axes(value, shape, mixed),))


def _axes(value: Value, shape: Shape, mixed: Sequence[int]) -> Mapped:
    """Each axis of places by itself: all of it where it is among `mixed`."""
    tables = []
    for axis in (value.layout.rows, value.layout.columns):
        if axis is None:
            tables.append(Axis.whole(1, 1))
        elif axis in mixed:
            tables.append(Axis.whole(shape[axis], value.shape[axis]))
        else:
            tables.append(Axis.of(np.arange(shape[axis])))
    return Mapped(*tables)


@of("Add", "Divide", "Multiply", "Subtract", "Where", "Maximum", "Minimum", "Pow", "Power")
def joined(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Every place from the same place of each input; one that is spread over the places, such as
    the gate of squeeze-and-excitation, has one place for all."""
    whole = [value for value in inputs if value.known and _fits(value, shape)]
    if not whole:
        return anything(layer, inputs, shape)
    layout = max(whole, key=lambda v: len(v.layout.places)).layout
    reaches = [_of_operand(value, layout, shape) for value in inputs]
    alike = all(isinstance(reach, Same) for reach in reaches)
    same_rank = all(len(value.shape) == len(shape) for value in inputs)
    return Dependence(layout, tuple(reaches), patchable=alike and same_rank)


def _fits(value: Value, shape: Shape) -> bool:
    """Whether the value has all places of the output, on the same axes."""
    axes = value.layout.places
    return (
        bool(axes)
        and len(value.shape) == len(shape)
        and all(value.shape[axis] == shape[axis] for axis in axes)
    )


def _of_operand(value: Value, layout: Layout, shape: Shape) -> Reach:
    """Same where its places are the output's; else its whole plane."""
    alike = value.known and value.layout == layout and _fits(value, shape)
    return Same() if alike else Everything(value.plane)


@of("Concatenate")
def concatenated(layer: nn.Concatenate, inputs: Sequence[Value], shape: Shape) -> Dependence:
    axis = layer.settings["axis"] % (len(shape) + 1) - 1
    layouts = {value.layout for value in inputs if value.known}
    if all(value.known for value in inputs) and len(layouts) == 1:
        (layout,) = layouts
        if axis not in layout.places:
            return Dependence(layout, tuple(Same() for _ in inputs), patchable=True)
        if layout.grid is None and layout.columns is not None:
            return Dependence(layout, tuple(_parts(inputs, layout, axis, shape)))
    return _tokens(inputs, axis, shape) or anything(layer, inputs, shape)


def _parts(inputs: Sequence[Value], layout: Layout, axis: int, shape: Shape) -> Sequence[Mapped]:
    """Planes side by side: each place from the one plane that it lies in."""
    start, found = 0, []
    for value in inputs:
        own = Axis.of(_shifted(shape[axis], start, value.shape[axis]))
        other = layout.columns if axis == layout.rows else layout.rows
        assert other is not None
        along = Axis.of(np.arange(shape[other]))
        found.append(Mapped(own, along) if axis == layout.rows else Mapped(along, own))
        start += value.shape[axis]
    return found


def _shifted(outputs: int, start: int, inputs: int) -> np.ndarray:
    """Of `outputs` places the source among `inputs` ones that begin at `start`; -1: none."""
    places = np.arange(outputs) - start
    places[(places < 0) | (places >= inputs)] = -1
    return places


def _tokens(inputs: Sequence[Value], axis: int, shape: Shape) -> Dependence | None:
    """Tokens of a grid behind others, such as a class token."""
    on_grid = [i for i, v in enumerate(inputs) if v.known and v.layout.grid is not None]
    if len(on_grid) != 1 or inputs[on_grid[0]].layout.rows != axis:
        return None
    (i,) = on_grid
    own = inputs[i].layout
    before = sum(value.shape[axis] for value in inputs[:i])
    reaches = [Same() if k == i else Everything(v.plane) for k, v in enumerate(inputs)]
    return Dependence(Layout(axis, None, own.grid, own.extra + before), tuple(reaches))


@of("Flatten", "Reshape")
def reordered(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    layout = reshaped(value.layout, value.shape, shape) if value.known else None
    if layout is None:
        return Dependence(None, everything(inputs))
    return Dependence(layout, (Same(),))


@of("Transpose")
def exchanged(layer: nn.Transpose, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    if not value.known:
        return Dependence(None, everything(inputs))
    axes = [axis - 1 for axis in layer.settings["axes"][1:]]
    layout = transposed(value.layout, axes)
    return Dependence(layout, (Same(),), patchable=len(shape) == 3)


@of("Linear")
def multiplied(layer: nn.Linear, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """A matrix product over the last axis: of every place, if that is the channels'."""
    (value,) = inputs
    if value.known and len(shape) > 1 and len(shape) - 1 not in value.layout.places:
        return Dependence(value.layout, (Same(),), patchable=True)
    return Dependence(None, everything(inputs))
