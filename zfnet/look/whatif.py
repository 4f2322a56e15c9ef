"""Edits of a network and an image ("what if"): maps scaled, filters rotated, the image moved.

`Edits` are a list of changes of a network and an image. They are applied to a copy that shares all
unchanged layers and weights, so no weight is changed in place, and without the edits the network is
the one that it was, bit for bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from scipy import ndimage

from minidl import nn, no_grad
from minidl.nn import Parameter
from zfnet.experiments.invariance.transforms import Transform, transformed
from zfnet.inspectable import InspectableGraph
from zfnet.look.scaled_maps import scaled
from zfnet.network import Network

MOST = 1000.0
"""Of a factor, by absolute value."""
SCALES = (0.1, 10.0)
"""The smallest and the largest image."""


@dataclass(frozen=True)
class MapScaled:
    """Map `map` of a layer's output times `factor`; 0 switches it off."""

    layer: str
    map: int
    factor: float = 0.0


@dataclass(frozen=True)
class FilterChanged:
    """Filter `filter` of a convolution: its kernels rotated by `angle` degrees counterclockwise,
    and zeroed, but for its bias."""

    layer: str
    filter: int
    angle: float = 0.0
    zeroed: bool = False


@dataclass(frozen=True)
class Edits:
    """Changes of a network, and of the image that it gets."""

    maps: tuple[MapScaled, ...] = ()
    filters: tuple[FilterChanged, ...] = ()
    image: Transform = field(default_factory=Transform)

    def text(self) -> str:
        """As JSON: {"maps": [[layer, map, factor]], "filters": [[layer, filter, angle, zeroed]],
        "image": {"shift": 0, "scale": 1.0, "angle": 0.0, "right": 0}}."""
        listed = {
            "maps": [list(asdict(each).values()) for each in self.maps],
            "filters": [list(asdict(each).values()) for each in self.filters],
            "image": asdict(self.image),
        }
        return json.dumps(listed, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> Edits:
        """The inverse of `text`; ValueError for anything else."""
        try:
            given: Mapping[str, Any] = json.loads(text) if text else {}
            found = cls(
                tuple(_map(*each) for each in given.get("maps", ())),
                tuple(_filter(*each) for each in given.get("filters", ())),
                _transform(**given.get("image", {})),
            )
        except (AttributeError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"these are no edits of a network: {error}") from None
        return found


def apply(network: Network, edits: Edits) -> Network:
    """The network with the edits of maps and filters; without any the network itself.

    ValueError for a layer, map or filter that does not exist.
    """
    model = edited(network.model, edits)
    return network if model is network.model else replace(network, model=model)


def edited(model: InspectableGraph, edits: Edits) -> InspectableGraph:
    """The model with the edits; every layer without one, and every weight, is shared."""
    layers, changed = dict(model.children()), dict[str, nn.Module]()
    for name, filters in _by_layer(edits.filters).items():
        changed[name] = _with_filters(name, _layer(layers, name), filters)
    for name, maps in _by_layer(edits.maps).items():
        layer = changed.get(name, _layer(layers, name))
        K, _, _ = model.unit_planes(name)
        if any(not 0 <= each.map < K for each in maps):
            raise ValueError(f"{name} has the maps 0 to {K - 1}, not {[each.map for each in maps]}")
        factors = {each.map: each.factor for each in maps}
        changed[name] = scaled(layer, factors, model.layout(name), model.shapes()[name])
    if not changed:
        return model
    _ = model.planes()  # (what is known of its layers is shared: no edit changes a shape)
    return model.replaced(changed)


def image(network: Network, pixels: np.ndarray, edits: Edits) -> np.ndarray:
    """An image (H,W,3) uint8, moved as the edits say, as the network's input (1,3,S,S)."""
    own = network.preprocess
    if edits.image == Transform():
        return own.centre(own.prepare(pixels)).transpose(2, 0, 1)[None]  # (S,S,3) -> (1,3,S,S)
    return transformed(own, pixels, [edits.image])


def change(network: Network, pixels: np.ndarray, text: str) -> tuple[Network, np.ndarray]:
    """Edits by their text, for the live page (`zfnet/look/__init__.py`)."""
    edits = Edits.of_text(text)
    return apply(network, edits), image(network, pixels, edits)


def rotated(kernels: np.ndarray, angle: float) -> np.ndarray:
    """Kernels (C,R,S) rotated by `angle` degrees counterclockwise about their centre.

    By quarters of a turn where the kernel is square, and by halves, taps are moved and stay exact;
    otherwise they are interpolated between the nearest four, with 0 outside.
    """
    quarters, square = angle / 90, kernels.shape[1] == kernels.shape[2]
    if quarters == round(quarters) and (square or round(quarters) % 2 == 0):
        return np.rot90(kernels, round(quarters) % 4, axes=(1, 2)).copy()
    moved = ndimage.rotate(
        kernels.astype(np.float64), angle, axes=(2, 1), reshape=False, order=1, mode="constant"
    )
    found: np.ndarray = moved.astype(kernels.dtype)
    return found


def _layer(layers: Mapping[str, nn.Module], name: str) -> nn.Module:
    if name not in layers:
        raise ValueError(f"no layer {name!r}; the layers are {', '.join(layers)}")
    return layers[name]


def _by_layer(edits: Sequence[Any]) -> dict[str, list[Any]]:
    found = dict[str, list[Any]]()
    for each in edits:
        found.setdefault(each.layer, []).append(each)
    return found


def _with_filters(name: str, layer: nn.Module, edits: Sequence[FilterChanged]) -> nn.Module:
    """A copy of a convolution with weights of its own, some filters changed; it shares its bias."""
    if type(layer) is not nn.Conv2d:
        raise ValueError(f"{name} is a {type(layer).__name__}: only convolutions have filters")
    with no_grad():
        weight = layer.weight.clone().numpy()
    for each in edits:
        if not 0 <= each.filter < len(weight):
            raise ValueError(f"{name} has the filters 0 to {len(weight) - 1}, not {each.filter}")
        kernels = rotated(weight[each.filter], each.angle)
        weight[each.filter] = 0 if each.zeroed else kernels
    other = copy(layer)
    other.weight = Parameter(weight)
    return other


def _map(layer: Any, map: Any, factor: Any) -> MapScaled:
    return MapScaled(str(layer), _whole(map), _number(factor, -MOST, MOST))


def _filter(layer: Any, filter: Any, angle: Any, zeroed: Any) -> FilterChanged:
    return FilterChanged(str(layer), _whole(filter), _number(angle, -360, 360), bool(zeroed))


def _transform(shift: Any = 0, scale: Any = 1.0, angle: Any = 0.0, right: Any = 0) -> Transform:
    far = 10_000
    moved = (int(_number(pixels, -far, far)) for pixels in (shift, right))
    down, across = moved
    return Transform(down, _number(scale, *SCALES), _number(angle, -360, 360), across)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no number of a map")
    return value


def _number(value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    if not (math.isfinite(value) and least <= value <= most):
        raise ValueError(f"{value} is not from {least} to {most}")
    return float(value)
