"""Layers as steps that run on whole planes or on patches (`patches.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels.contract.geometry import PoolGeometry
from minidl import Tensor, device, nn
from minidl import functional as F
from zfnet import patches
from zfnet.inspectable import InspectableGraph
from zfnet.layouts import Layout
from zfnet.views import Geometry


@dataclass(frozen=True, eq=False)
class Step:
    """A layer, or a convolution fused with the ReLU behind it.

    name:     of the layer whose output it gives; `names` has also the convolution before its ReLU.
    inputs:   the steps whose outputs it takes, or `nn.INPUT`.
    geometry: of its windows; None for pixelwise layers, and for layers over the whole plane.
    freed:    steps whose outputs no later step takes.
    before, after: the layouts of the layer's inputs and output. Patches are (N,K,h,w) whatever they
              are; the layer gets and gives its own axes.
    """

    name: str
    layer: nn.Module
    inputs: tuple[str, ...]
    geometry: Geometry | None
    names: frozenset[str]
    before: tuple[Layout, ...]
    after: Layout
    freed: tuple[str, ...] = ()

    @property
    def rectified(self) -> bool:
        return len(self.names) > 1

    @property
    def fill(self) -> float:
        """The value of its padding: less than any pixel for a max-pooling, a pad's own."""
        if isinstance(self.layer, nn.Pad):
            return float(self.layer.settings["value"])
        highest = isinstance(self.layer, nn.MaxPool2d | nn.GlobalMaxPool2d)
        return patches.LOWEST if highest else 0.0

    def on_planes(self, *inputs: Tensor) -> Tensor:
        """The layer on whole planes (N,K,P,Q)."""
        if isinstance(self.layer, nn.Conv2d):
            return _convolved(self.layer, inputs[0], self.layer.settings, self.rectified)
        return self.layer(*inputs)

    def on_patches(self, *inputs: Tensor, at: np.ndarray) -> Tensor:
        """The layer on patches that contain its padding; `at` (N,2) are the corners of the output
        patches in its output plane."""
        if isinstance(self.layer, nn.Conv2d):
            settings = {**self.layer.settings, "padding": 0}
            return _convolved(self.layer, inputs[0], settings, self.rectified)
        if isinstance(self.geometry, PoolGeometry):
            return _pooled(self.layer, self.geometry, inputs[0], at)
        if isinstance(self.layer, nn.Pad) and self.geometry is not None:
            return inputs[0]
        own = (layout.tensor_of_planes(x) for layout, x in zip(self.before, inputs, strict=True))
        return self.after.tensor_as_planes(self.layer(*own))


def _convolved(conv: nn.Conv2d, x: Tensor, settings: dict[str, Any], rectified: bool) -> Tensor:
    if rectified:
        return F.conv_relu_pool(x, conv.weight, conv.bias, settings)
    return F.conv2d(x, conv.weight, conv.bias, **settings)


def _pooled(layer: nn.Module, g: PoolGeometry, x: Tensor, at: np.ndarray) -> Tensor:
    """Pooling without padding; an average has the same divisor as in the whole plane."""
    window = (g.R, g.S), g.stride
    if isinstance(layer, nn.MaxPool2d | nn.GlobalMaxPool2d):
        pooled = F.max_pool2d(x, *window, dilation=g.dilation)
        assert isinstance(pooled, Tensor)
        return pooled
    y = F.avg_pool2d(x, *window)
    share = (g.R * g.S / g.divisors()).astype(y.dtype)  # (P,Q)
    if (share == 1).all():
        return y
    h, w = y.shape[2:]
    shares = patches.cut(share[None, None], at, (h, w), 1.0)  # (N,1,h,w)
    return y * Tensor(device.like(shares, y.data))


def steps(
    model: InspectableGraph, until: Sequence[str] | None = None, *, kept: Sequence[str] = ()
) -> list[Step]:
    """The windowed layers in order; a convolution is fused with the ReLU that follows it.

    until: only these layers, and those that they depend on.
    kept:  layers whose outputs are kept to the end, and not fused away.
    """
    layers = dict(model.children())
    wanted = set(model.windowed()) - {nn.INPUT}
    if until is not None:
        wanted &= set().union(*(model.below(name) for name in until))
    found: dict[str, Step] = {}
    for name in model.layer_names():
        if name not in wanted:
            continue
        sources = model.wiring()[name]
        before = found.get(sources[0])
        if before and before.name not in kept and with_relu(model, before.name) == name:
            del found[before.name]
            found[name] = replace(before, name=name, names=before.names | {name})
        else:
            geometry = model.geometries().get(name)
            layouts = tuple(map(model.layout, sources)), model.layout(name)
            own = frozenset([name])
            found[name] = Step(name, layers[name], sources, geometry, own, *layouts)
    return _freed(list(found.values()), kept)


def with_relu(model: InspectableGraph, name: str) -> str:
    """The ReLU that is a convolution's only reader; else the layer itself."""
    layers, readers = dict(model.children()), [n for n, s in model.wiring().items() if name in s]
    if isinstance(layers.get(name), nn.Conv2d) and len(readers) == 1:
        (reader,) = readers
        return reader if type(layers[reader]) is nn.ReLU else name
    return name


def _freed(chain: list[Step], kept: Sequence[str]) -> list[Step]:
    """The steps, each with the outputs that no later step needs."""
    left = Counter(source for step in chain for source in step.inputs)
    left.update(kept)
    found = []
    for step in chain:
        left.subtract(step.inputs)
        freed = tuple(name for name in dict.fromkeys(step.inputs) if left[name] == 0)
        found.append(replace(step, freed=freed))
    return found
