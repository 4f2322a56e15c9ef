"""Spatial dependence of layers that move elements: shapes, slices, pads, rolls, other sizes.

A layer that keeps the order of the axes is asked itself: it is run on the numbers of the rows and
of the columns, and what it gives are the sources of every place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry
from minidl import Tensor, nn, no_grad
from zfnet.dependence import Dependence, Value, anything, everything, of
from zfnet.layouts import Layout, Shape, reshaped, transposed
from zfnet.reach import Axis, Mapped, Same, Sliding


@of("DepthToSpace", "Expand", "Gather", "Pad", "Repeat", "Roll", "Slice", "SpaceToDepth")
def moved(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Elements from other places, found by their numbers."""
    (value,) = inputs
    if not value.known or len(value.shape) != len(shape):
        return _without_axes(layer, value, shape)
    layout = value.layout
    if layout.grid is not None:
        return _of_tokens(layer, value, shape)
    window = _as_window(layer, value, shape)
    if window is not None:
        return Dependence(layout, (Sliding(window),), patchable=True)
    axes = [_sources(layer, value, axis, shape) for axis in (layout.rows, layout.columns)]
    if all(map(_is_identity, axes)):
        return Dependence(layout, (Same(),), patchable=True)
    return Dependence(layout, (Mapped(*axes),))


def _sources(layer: nn.Module, value: Value, axis: int | None, shape: Shape) -> Axis:
    """The places along `axis` of the input from which those of the output are taken."""
    if axis is None:
        return Axis.whole(1, 1)
    least, most = _least_and_most(layer, value, axis, shape)
    first = np.where(most < 1, 0, np.maximum(least, 1) - 1)
    return Axis(first, np.where(most < 1, 0, np.minimum(most, value.shape[axis])))


def _least_and_most(
    layer: nn.Module, value: Value, axis: int, shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest number, from 1, of the places in each place of the output; what is
    no place, such as the zeros of a padding, counts as none."""
    sizes = [1] * len(value.shape)
    sizes[axis] = value.shape[axis]
    numbers = np.arange(1.0, value.shape[axis] + 1).reshape(sizes)  # (n,) -> (1,..,n,..,1)
    with no_grad():
        y = layer(Tensor(np.broadcast_to(numbers, value.shape)[None].copy())).data[0]
    others = tuple(a for a in range(len(shape)) if a != axis)
    real = y > 0
    least = np.where(real, y, np.inf).min(axis=others)
    most = np.where(real, y, 0).max(axis=others)
    return np.where(np.isfinite(least), least, 0).astype(int), np.ceil(most).astype(int)


def _is_identity(table: Axis) -> bool:
    places = np.arange(len(table.first))
    return np.array_equal(table.first, places) and np.array_equal(table.end, places + 1)


def _as_window(layer: Any, value: Value, shape: Shape) -> ConvGeometry | None:
    """Constant padding, cutting or every s-th place of planes as windows of one pixel."""
    if not value.layout.channels_first:
        return None
    if isinstance(layer, nn.Pad) and layer.settings["mode"] == "constant":
        pad = [*layer.settings["pad"], 0, 0, 0, 0, 0, 0][:8]
        (left, right, top, bottom), others = pad[:4], pad[4:]
        if any(others):
            return None
        return _pixels(value.shape, (top, bottom, left, right))
    return None


def _pixels(shape: Shape, padding: tuple[int, int, int, int]) -> ConvGeometry:
    """The windows of one pixel over planes (C,H,W) with padding."""
    C = shape[0]
    return ConvGeometry.of((1, *shape), (C, 1, 1, 1), padding=padding, groups=C)


def _of_tokens(layer: Any, value: Value, shape: Shape) -> Dependence:
    """Tokens of a grid: all of them stay, or those in front of the grid are left out."""
    layout, axis = value.layout, value.layout.rows
    assert axis is not None
    found = _sources(layer, value, axis, shape)
    L, (P, Q) = value.shape[axis], layout.grid or (0, 0)
    if (found.end - found.first == 1).all():
        taken = found.first.tolist()
        if taken == list(range(L)):
            return Dependence(layout, (Same(),))
        if taken == list(range(layout.extra, layout.extra + P * Q)):
            return Dependence(Layout(axis, None, layout.grid), (Same(),))
    return Dependence(None, everything([value]))


def _without_axes(layer: Any, value: Value, shape: Shape) -> Dependence:
    """A gather that takes one position of an axis, such as the queries of an attention."""
    axis = layer.settings.get("axis", 0) - 1 if isinstance(layer, nn.Gather) else -1
    fewer = len(shape) == len(value.shape) - 1
    if not (value.known and fewer and axis >= 0) or axis in value.layout.places:
        return Dependence(None, everything([value]))
    rows, columns = (
        None if a is None else a - (a > axis) for a in (value.layout.rows, value.layout.columns)
    )
    return Dependence(Layout(rows, columns, value.layout.grid, value.layout.extra), (Same(),))


@of("Resize", "Upsample")
def resized(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    """Filters along the axes: a scaled window, whose taps the layer records on the tape."""
    (value,) = inputs
    layout = value.layout
    if not value.known or layout.grid is not None or len(shape) != len(value.shape):
        return anything(layer, inputs, shape)
    tables = {axis: Axis.of(np.arange(shape[axis])) for axis in layout.places}
    tables |= {axis - 1: found for axis, found in _taps(layer, value.shape).items()}
    rows, columns = (
        Axis.whole(1, 1) if axis is None else tables[axis] for axis in (layout.rows, layout.columns)
    )
    return Dependence(layout, (Mapped(rows, columns),))


def _taps(layer: nn.Module, shape: Shape) -> dict[int, Axis]:
    """By axis, the batch's counted: the places that have a weight for each place of the output."""
    node = layer(Tensor(np.zeros((0, *shape), np.float32), requires_grad=True)).node
    while node is not None and node.operation != "resize":
        node = node.inputs[-1].node
    if node is None:
        return {}
    found = {}
    for axis, matrix in node.saved["steps"]:
        real = matrix.weight != 0
        first = np.where(real, matrix.index, matrix.size).min(axis=1)
        end = np.where(real, matrix.index + 1, 0).max(axis=1)
        found[axis] = Axis(np.minimum(first, end), end)
    return found


@of("Flatten", "Reshape")
def reordered(layer: nn.Module, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    given = getattr(layer, "settings", {})
    moved = given.get("source") or given.get("target")
    front = not moved and tuple(given.get("rows", (1, 1))) == (1, 1)
    layout = reshaped(value.layout, value.shape, shape) if value.known and front else None
    if layout is None:
        return Dependence(None, everything(inputs))
    return Dependence(layout, (Same(),))


@of("Transpose")
def exchanged(layer: nn.Transpose, inputs: Sequence[Value], shape: Shape) -> Dependence:
    (value,) = inputs
    if not value.known:
        return Dependence(None, everything(inputs))
    if layer.settings["axes"][0] != 0:
        return Dependence(None, everything(inputs))
    axes = [axis - 1 for axis in layer.settings["axes"][1:]]
    layout = transposed(value.layout, axes)
    return Dependence(layout, (Same(),), patchable=len(shape) == 3)
