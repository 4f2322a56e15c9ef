"""The operands of one unit of a network's layer, compared with the engine's value.

The layer's input and output are those of a forward pass, of our networks or imported ones: the
layer's sources are read from the graph's wiring, so that it may stand anywhere among branches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import kernels
from kernels import bounds
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from minidl import nn
from zfnet.dependence_rules import geometry
from zfnet.look.inside.compared import Compared, compared
from zfnet.look.inside.flattened import planes_of
from zfnet.look.inside.normalising import (
    open_channelwise,
    open_contrast,
    open_response,
    open_standardised,
)
from zfnet.look.inside.pointwise import broadcast, pointwise
from zfnet.look.inside.pooled import average_window, max_window
from zfnet.look.inside.transposed import GatheredSum, gathered_sum
from zfnet.look.inside.unit import Index, Unit, filter_of, named, settings_of, values
from zfnet.look.inside.window_sum import WindowSum, window_sum
from zfnet.look.scaled_maps import factors_of


@dataclass(frozen=True, eq=False)
class Inside:
    """A unit, the numbers that give it, and the comparison.

    parts: WindowSum, MaxWindow, AverageWindow, Response, ContrastWindow, Standardised, Channelwise
           or Pointwise.
    factor: by which the unit's map is multiplied in a changed network (`scaled_maps.py`).
    """

    unit: Unit
    parts: Any
    compared: Compared
    factor: float | None = None


def inside(unit: Unit) -> Inside:
    """The numbers that give the unit's value; ValueError for a kind of layer that is not opened."""
    parts, found = _opened(unit)
    factors = factors_of(unit.layer)
    if factors is None:
        return Inside(unit, parts, found)
    factor = float(factors[broadcast(unit.index, factors.shape)])
    return Inside(unit, parts, found.times(factor, unit.y.dtype), factor)


def _opened(unit: Unit) -> tuple[Any, Compared]:
    opener = _OPENERS.get(type(unit.layer))
    if opener is not None:
        return opener(unit)
    parts = pointwise(unit.layer, unit.inputs, unit.index)
    if parts is None:
        kind = type(unit.layer).__name__
        raise ValueError(
            f"{unit.name} is a {kind}, which is not opened; convolutions, linear layers, pooling, "
            "normalisation, activations and joins are"
        )
    expected = unit.value if parts.expected is None else parts.expected
    bound = parts.bound(unit.y.dtype)
    return parts, Compared(unit.value, expected, type(unit.layer).__name__, bound)


def convolution(unit: Unit) -> WindowSum:
    """The products of a convolution's unit."""
    g = geometry(unit.layer, unit.x.shape)
    assert isinstance(g, ConvGeometry)
    filter, bias = filter_of(unit, unit.index[1])
    return window_sum(unit.x, filter, g, unit.index, bias)


def _convolution(unit: Unit) -> tuple[WindowSum, Compared]:
    parts = convolution(unit)
    kernel = kernels.pick_for("conv2d", unit.x, parts.g)
    chain = parts.products.size + 1
    absolute = parts.norm_wise(unit.x) if kernel.norm_wise else parts.absolute
    dtype = unit.y.dtype
    return parts, compared(unit.value, parts.result, kernel, parts.g, absolute, dtype, chain)


def _transposed(unit: Unit) -> tuple[GatheredSum, Compared]:
    """The products of a pixel of a transposed convolution; its bias is added behind them."""
    weight, settings = unit.layer.weight, settings_of(unit)  # type: ignore[attr-defined]
    g = ConvGeometry.of_transposed(unit.x.shape, weight.shape, **settings)
    own = values(weight, kernels_of(g, unit.index[1]))
    given = unit.layer.bias  # type: ignore[attr-defined]
    bias = None if given is None else float(values(given, unit.index[1]))
    parts = gathered_sum(unit.x, own, g, unit.index, bias)
    kernel = kernels.pick_for("conv2d_dgrad", unit.x, g)
    absolute = parts.norm_wise(unit.x) if kernel.norm_wise else parts.absolute
    chain = max(parts.products.size, 1)
    found = compared(unit.value, parts.result, kernel, g, absolute, unit.y.dtype, chain)
    added = float(bounds.rounding(1, np.array(absolute), unit.y.dtype))  # the bias
    assert found.bound is not None
    return parts, replace(found, bound=found.bound + added)


def kernels_of(g: ConvGeometry, channel: int) -> tuple[slice, int]:
    """The part of a weight (K,C/groups,R,S) that a channel of x meets: of the filters of its group
    their kernels (K/groups,R,S)."""
    each, channels = g.K // g.groups, g.C // g.groups
    group = channel // channels
    return slice(group * each, (group + 1) * each), channel % channels


def linear(unit: Unit) -> WindowSum:
    """The products of a linear layer's unit, as a window over all of its input: over the planes
    that were flattened, where there are any."""
    row = unit.x[unit.index[:-1]]  # (F,)
    C, H, W = planes_of(unit.model, unit.name) or (len(row), 1, 1)
    filter, bias = filter_of(unit, unit.index[-1])
    K = unit.y.shape[-1]
    g = ConvGeometry.of((1, C, H, W), (K, C, H, W))
    at = (0, unit.index[-1], 0, 0)
    # (F,) -> (1,C,H,W), (F,) -> (C,H,W)
    return window_sum(row.reshape(1, C, H, W), filter.reshape(C, H, W), g, at, bias)


def _linear(unit: Unit) -> tuple[WindowSum, Compared]:
    parts = linear(unit)
    F, K = unit.x.shape[-1], unit.y.shape[-1]
    shape = unit.x.size // max(F, 1), K, F
    kernel = kernels.pick_for("matmul", unit.x, shape)
    found = compared(unit.value, parts.result, kernel, shape, parts.absolute, unit.y.dtype, F)
    added = float(bounds.rounding(1, np.array(parts.absolute), unit.y.dtype))  # the bias
    assert found.bound is not None
    return parts, replace(found, bound=found.bound + added)


def _pooling(unit: Unit) -> PoolGeometry:
    g = geometry(unit.layer, unit.x.shape)
    assert isinstance(g, PoolGeometry)
    return g


def _max_pool(unit: Unit) -> tuple[Any, Compared]:
    g = _pooling(unit)
    parts = max_window(unit.x, g, _of_plane(unit))
    kernel = kernels.pick_for("max_pool2d", unit.x, g)
    return parts, Compared(unit.value, parts.result, named(kernel), 0.0)


def _avg_pool(unit: Unit) -> tuple[Any, Compared]:
    g = _pooling(unit)
    parts = average_window(unit.x, g, _of_plane(unit))
    dtype, chain = unit.y.dtype, parts.values.size + 2
    kernel = kernels.pick_for("avg_pool2d", unit.x, g)
    return parts, compared(unit.value, parts.result, kernel, g, parts.absolute, dtype, chain)


def _of_plane(unit: Unit) -> Index:
    """The unit's index with both places, which a global pooling may have dropped."""
    return (*unit.index, 0, 0)[:4]


_OPENERS: dict[type[nn.Module], Callable[[Unit], tuple[Any, Compared]]] = {
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _transposed,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.GlobalMaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.GlobalAvgPool2d: _avg_pool,
    nn.LocalResponseNorm: open_response,
    nn.LocalContrastNorm: open_contrast,
    nn.LayerNorm: open_standardised,
    nn.GroupNorm: open_standardised,
    nn.InstanceNorm2d: open_standardised,
    nn.BatchNorm2d: open_channelwise,
    nn.Affine: open_channelwise,
}
