"""Steps of a plan bound to kernels and memory: a table of layers, and the calls of each.

A layer that is not in the table runs as it does without a plan, and its result is copied to its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import cast

import numpy as np

import kernels
from kernels.contract.bound import Call, Options
from kernels.contract.geometry import PoolGeometry
from minidl import nn
from minidl.plan import elements, products
from minidl.plan.fusion import Step
from minidl.plan.places import Places, channels_last
from minidl.plan.unfused import unfused
from minidl.tensor import plain

Maker = Callable[[Step, Places, Collection[str]], "tuple[Call, ...] | None"]


def bind(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...]:
    """The calls of a step; `dying`: results that nothing later reads."""
    maker = _MAKERS.get(type(step.layers[0]))
    if maker is not None:
        calls = maker(step, places, dying)
        if calls is not None:
            return calls
    return unfused(step, places, places.new(step.output))


def _max_pool(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    x = places[step.inputs[0]]
    p = PoolGeometry.of(x.shape, **cast(nn.MaxPool2d, step.layers[0]).settings)
    bind = kernels.pick_for("max_pool2d", x, p).abilities.bind
    if bind is None or not channels_last(x):
        return None
    out = places.new(step.output), places.scratch(p.y_shape, np.int32, "NHWC")
    return (bind(x, p, out, Options(allocate=places.scratch)),)


def _average_pool(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    layer, x = step.layers[0], places[step.inputs[0]]
    if x.ndim != 4 or not channels_last(x):
        return None
    settings = layer.settings if isinstance(layer, nn.AvgPool2d) else {"kernel_size": x.shape[2:]}
    p = PoolGeometry.of(x.shape, **settings)
    bind = kernels.pick_for("avg_pool2d", x, p).abilities.bind
    if bind is None:
        return None
    return (bind(x, p, places.new(step.output), Options(allocate=places.scratch)),)


def _view(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """Nothing to run where the result is the input's memory seen in another way."""
    (source,) = step.inputs
    x = places[source]
    y = step.layers[0](plain(x))._array
    if not np.shares_memory(x, y):
        return None
    places.view(step.output, source, y)
    return ()


_MAKERS: dict[type, Maker] = {
    nn.Conv2d: products.convolution,
    nn.Add: elements.total,
    nn.Affine: elements.affine,
    nn.BatchNorm2d: elements.batch_norm,
    nn.Concatenate: elements.concatenation,
    nn.Linear: products.linear,
    nn.Multiply: elements.product,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.GlobalAvgPool2d: _average_pool,
    nn.Shift: elements.shift,
    nn.Flatten: _view,
    nn.Identity: _view,
    nn.Transpose: _view,
    nn.Reshape: _view,
    **dict.fromkeys(
        (nn.ReLU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.GELU, nn.Clip, nn.ReLU6,
         nn.LeakyReLU), elements.activation
    ),
}  # fmt: skip
