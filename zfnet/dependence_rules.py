"""Spatial dependence of layers that compute: windows, elementwise layers, joins, products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import zfnet.dependence_moves  # noqa: F401  (it registers its rules)
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from minidl import nn
from zfnet.dependence import (
    RULES,
    Dependence,
    Geometry,
    Value,
    along,
    anything,
    everything,
    of,
)
from zfnet.layouts import Layout, Shape
from zfnet.reach import Axis, Everything, Mapped, Nowhere, Reach, Same, Sliding, Tokens, Upsampling


def dependence(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """The dependence of the layer's output, of `shape`, on its inputs."""
    rule = RULES.get(type(layer).__name__, anything)
    return rule(layer, inputs, shape)


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
    layout = value.layout
    if value.known and layout.channels_first:
        return Dependence(layout, (Sliding(geometry(layer, (1, *value.shape))),), patchable=True)
    product = isinstance(layer, nn.Conv2d) and _is_product(layer) and shape[1:] == value.shape[1:]
    if product and value.known and 0 not in layout.places:
        return Dependence(layout, (Same(),))
    return anything(layer, inputs, shape)


def _is_product(conv: nn.Conv2d) -> bool:
    """Whether the filters are of one pixel: a matrix product over the channels of each place."""
    return conv.weight.shape[2:] == (1, 1)


@of("ConvTranspose2d")
def upsampling(layer: nn.ConvTranspose2d, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    if not (value.known and value.layout.channels_first):
        return anything(layer, inputs, shape)
    g = ConvGeometry.of_transposed((1, *value.shape), layer.weight.shape, **layer.settings)
    return Dependence(value.layout, (Upsampling(g),))


@of(
    "Absolute", "Affine", "BatchNorm2d", "Clip", "Cos", "Dropout", "ELU", "Erf", "Exp", "Floor",
    "GELU", "Hardsigmoid", "Hardswish", "Identity", "LeakyReLU", "LocalContrastNorm",
    "LocalResponseNorm", "Log", "Mish", "Negate", "PReLU", "Pixels", "ReLU", "ReLU6",
    "Reciprocal", "Round", "SiLU", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Tanh",
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
    return along(value, [axis % (len(shape) + 1) - 1], shape)


@of("LayerNorm")
def layer_norm(layer: nn.LayerNorm, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Over the last axes: of every place, if those are the channels."""
    (value,) = inputs
    count = len(layer.settings["normalized_shape"])
    return along(value, range(len(shape) - count, len(shape)), shape)


@of("GroupNorm", "InstanceNorm2d")
def plane_norm(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Over all places."""
    (value,) = inputs
    return Dependence(value.layout if value.known else None, everything(inputs))


@of("Scale", "Shift")
def with_constant(layer: Any, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Every place from the same place; on patches only where the constant has no places."""
    (value,) = inputs
    if not value.known:
        return Dependence(None, everything(inputs))
    own = layer.weight.shape
    sizes = (*(1,) * (len(shape) - len(own)), *own)[-len(shape) :]
    even = all(sizes[axis] == 1 for axis in value.layout.places)
    return Dependence(value.layout, (Same(),), patchable=even)


@of("Constant")
def constant(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Learnt values, such as a class token: nothing of the image."""
    return Dependence(None, tuple(Nowhere() for _ in inputs))


@of("Amax", "Amin", "Mean", "Sum", "Var")
def reduced(layer: Any, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Over some axes: of every place, if those are the channels."""
    (value,) = inputs
    rank = len(value.shape) + 1
    axes = [axis % rank - 1 for axis in layer.settings["dim"]]
    if layer.settings["keepdim"]:
        return along(value, axes, shape)
    if not value.known or set(axes) & set(value.layout.places):
        return Dependence(None, everything(inputs))
    left = [axis for axis in range(len(value.shape)) if axis not in axes]
    rows, columns = (None if a is None else left.index(a) for a in _axes_of(value.layout))
    moved = Layout(rows, columns, value.layout.grid, value.layout.extra)
    return Dependence(moved, (Same(),))


def _axes_of(layout: Layout) -> tuple[int | None, int | None]:
    return layout.rows, layout.columns


@of("MatMul")
def product(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """A product of activations, as in attention: of all places. The rows are those of the left."""
    left = inputs[0]
    kept = left.known and left.layout.rows == len(shape) - 2 and left.layout.columns is None
    kept = kept and len(left.shape) == len(shape)
    return Dependence(left.layout if kept else None, everything(inputs))


@of("Add", "Divide", "Maximum", "Minimum", "Multiply", "Power", "Subtract", "Where")
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
    behind = _tokens(inputs, axis, shape)
    return behind or _in_a_row(inputs, axis) or anything(layer, inputs, shape)


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


def _in_a_row(inputs: Sequence[Value], axis: int) -> Dependence | None:
    """Tokens of several planes one after the other, as a detection's of several scales."""
    rows = [value.layout.rows for value in inputs if value.known and value.layout.columns is None]
    if rows != [axis] * len(inputs):
        return None
    start, reaches = 0, []
    for value in inputs:
        reaches.append(Tokens(start, value.plane, value.layout.extra))
        start += value.shape[axis]
    return Dependence(Layout(axis), tuple(reaches))


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


@of("Linear")
def multiplied(layer: nn.Linear, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """A matrix product over the last axis: of every place, if that is the channels'."""
    (value,) = inputs
    if value.known and len(shape) > 1 and len(shape) - 1 not in value.layout.places:
        return Dependence(value.layout, (Same(),), patchable=True)
    return Dependence(None, everything(inputs))
