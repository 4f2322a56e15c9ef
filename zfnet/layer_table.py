"""What a network is made of, layer by layer: shapes, parameters, operations, what a unit sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernels.geometry import ConvGeometry
from minidl import nn
from zfnet.visible import Visible


@dataclass(frozen=True)
class Row:
    """A layer.

    shape:      of its output for one image. macs: multiply-adds of the definition.
    sees, step: pixels of the image that a unit sees, and between two neighbours; None: all of it.
    inputs:     what feeds it.
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


def rows(model: Visible) -> list[Row]:
    """The layers that lead to the scores, in order."""
    return [_row(model, name) for name in model.layer_names() if name in model.shapes()]


def _row(model: Visible, name: str) -> Row:
    layer = dict(model.children())[name]
    view = model.views(name)[nn.INPUT] if name in model.planes() else None
    return Row(
        name,
        type(layer).__name__,
        model.shapes()[name],
        sum(p.size for p in layer.parameters()),
        _macs(model, name),
        view.shape if view else None,
        view.stride if view else None,
        model.wiring()[name],
        getattr(layer, "settings", {}),
    )


def _macs(model: Visible, name: str) -> int:
    """Multiply-adds of convolutions and matrix products; other layers have few."""
    layer, geometry = dict(model.children())[name], model.geometries().get(name)
    if isinstance(geometry, ConvGeometry):
        return geometry.macs
    if isinstance(layer, nn.ConvTranspose2d):
        (source,) = model.wiring()[name]
        _, P, Q = model.shapes()[source]
        return P * Q * layer.weight.size
    return layer.weight.size if isinstance(layer, nn.Linear) else 0
