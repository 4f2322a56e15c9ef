"""One unit of a layer in a forward pass: its layer, its index, and what the layer read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract.registry import Kernel
from minidl import Tensor, nn, no_grad
from zfnet.inspectable import InspectableGraph

Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Unit:
    """One unit of a layer's output, and what the layer read.

    index:  of the unit in the output, the image's first.
    inputs: arrays that the layer has read, the batch first; y: what it gave.
    """

    model: InspectableGraph
    name: str
    layer: nn.Module
    index: Index
    inputs: tuple[np.ndarray, ...]
    y: np.ndarray

    @property
    def x(self) -> np.ndarray:
        return self.inputs[0]

    @property
    def value(self) -> float:
        return float(self.y[self.index])


def unit_of(
    model: InspectableGraph,
    outputs: Mapping[str, np.ndarray],
    name: str,
    at: tuple[int, int, int],
    image: int = 0,
) -> Unit:
    """Unit `at` (map,p,q) of a layer, of a forward pass whose arrays are `outputs` by layer, with
    the images under `nn.INPUT`. ValueError for a layer or a unit that does not exist."""
    layers = dict(model.children())
    if name not in layers or name not in outputs:
        raise ValueError(f"no layer {name!r}; the layers are {', '.join(model.layer_names())}")
    planes = model.unit_planes(name)
    if not all(0 <= i < size for i, size in zip(at, planes, strict=True)):
        K, P, Q = planes
        raise ValueError(f"{name} has the maps 0 to {K - 1} of {P}x{Q} units; {at} is none of them")
    index = (image, *model.layout(name).index(model.shapes()[name], *at))
    inputs = tuple(outputs[source] for source in model.wiring()[name])
    return Unit(model, name, layers[name], index, inputs, outputs[name])


def filter_of(unit: Unit, k: int) -> tuple[np.ndarray, float | None]:
    """Filter k of a convolution or linear layer, and its bias."""
    weight, bias = unit.layer.weight, unit.layer.bias  # type: ignore[attr-defined]
    return values(weight, k), None if bias is None else float(values(bias, k))


def values(parameter: Tensor, at: Any) -> np.ndarray:
    """A part of a parameter, as an array that is not watched for writes."""
    with no_grad():
        return parameter[at].numpy()


def settings_of(unit: Unit) -> dict[str, Any]:
    found: dict[str, Any] = unit.layer.settings  # type: ignore[attr-defined]
    return found


def named(kernel: Kernel) -> str:
    return f"{kernel.operation} {kernel.name}"
