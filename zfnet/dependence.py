"""Spatial dependence of a layer: the input positions that each of its output positions reads.

The rules of the kinds of layers are in `zfnet/dependence_rules.py` and `zfnet/dependence_moves.py`.
Any other kind depends on the whole planes of its inputs: a bound that holds for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from minidl import nn
from zfnet.layouts import Layout, Shape
from zfnet.reach import Axis, Everything, Mapped, Reach, Same

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


def along(value: Value, axes: Sequence[int], shape: Shape) -> Dependence:
    """An operation along some axes of one image, which keeps their number: places on them depend
    on all of the axis."""
    if not value.known:
        return Dependence(None, everything([value]))
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
