"""The operands of one unit of a network's layer, compared with the engine's value.

The layer's input and output are those of a forward pass, of our networks or imported ones: the
layer's sources are read from the graph's wiring, so that it may stand anywhere among branches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import kernels
from kernels import bounds
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.registry import Kernel
from minidl import Tensor, nn, no_grad
from minidl.functional.arranged_groups import arranged
from zfnet.dependence_rules import geometry
from zfnet.inspectable import InspectableGraph
from zfnet.look.inside.compared import Compared, compared
from zfnet.look.inside.flattened import planes_of
from zfnet.look.inside.normalised import Channelwise, Standardised, contrast, response
from zfnet.look.inside.pointwise import broadcast, pointwise
from zfnet.look.inside.pooled import average_window, max_window
from zfnet.look.inside.window_sum import WindowSum, window_sum
from zfnet.look.scaled_maps import factors_of

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


def filter_of(unit: Unit, k: int) -> tuple[np.ndarray, float | None]:
    """Filter k of a convolution or linear layer, and its bias."""
    weight, bias = unit.layer.weight, unit.layer.bias  # type: ignore[attr-defined]
    return values(weight, k), None if bias is None else float(values(bias, k))


def values(parameter: Tensor, at: Any) -> np.ndarray:
    """A part of a parameter, as an array that is not watched for writes."""
    with no_grad():
        return parameter[at].numpy()


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
    absolute = norm_wise(unit.x, parts) if kernel.norm_wise else parts.absolute
    dtype = unit.y.dtype
    return parts, compared(unit.value, parts.result, kernel, parts.g, absolute, dtype, chain)


def norm_wise(x: np.ndarray, parts: WindowSum) -> float:
    """Over the channels the largest |x| of the plane times the sum of |w|, plus |bias|."""
    own = x[parts.at[0], parts.first : parts.first + len(parts.filter)].astype(np.float64)
    largest = np.abs(own).max(axis=(1, 2))
    return float((largest * np.abs(parts.filter).sum(axis=(1, 2))).sum()) + abs(parts.bias)


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
    return parts, Compared(found.value, found.expected, found.kernel, found.bound + added)


def _pooling(unit: Unit) -> PoolGeometry:
    g = geometry(unit.layer, unit.x.shape)
    assert isinstance(g, PoolGeometry)
    return g


def _max_pool(unit: Unit) -> tuple[Any, Compared]:
    g = _pooling(unit)
    parts = max_window(unit.x, g, _of_plane(unit))
    kernel = kernels.pick_for("max_pool2d", unit.x, g)
    return parts, Compared(unit.value, parts.result, _named(kernel), 0.0)


def _avg_pool(unit: Unit) -> tuple[Any, Compared]:
    g = _pooling(unit)
    parts = average_window(unit.x, g, _of_plane(unit))
    dtype, chain = unit.y.dtype, parts.values.size + 2
    kernel = kernels.pick_for("avg_pool2d", unit.x, g)
    return parts, compared(unit.value, parts.result, kernel, g, parts.absolute, dtype, chain)


def _of_plane(unit: Unit) -> Index:
    """The unit's index with both places, which a global pooling may have dropped."""
    return (*unit.index, 0, 0)[:4]


def _response(unit: Unit) -> tuple[Any, Compared]:
    g = LRNGeometry.of(unit.x.shape, **_settings(unit))
    parts = response(unit.x, g, unit.index)
    kernel = kernels.pick_for("local_response_norm", unit.x, g)
    bound = parts.bound(bounds.stated(kernel, g, g.size + 6), unit.y.dtype)
    return parts, Compared(unit.value, parts.result, _named(kernel), bound)


def _contrast(unit: Unit) -> tuple[Any, Compared]:
    g = LCNGeometry.of(unit.x.shape, **_settings(unit))
    parts = contrast(unit.x, g, unit.index)
    kernel = kernels.pick_for("local_contrast_norm", unit.x, g)
    own = kernel.error_bound is None and kernel.exact  # it computes in float64
    bound = parts.bound(unit.y.dtype) if own else None
    return parts, Compared(unit.value, parts.result, _named(kernel), bound)


def _settings(unit: Unit) -> dict[str, Any]:
    found: dict[str, Any] = unit.layer.settings  # type: ignore[attr-defined]
    return found


def _standardised(unit: Unit) -> tuple[Any, Compared]:
    """Layer, group and instance normalisation: the axes that are standardised together."""
    layer, x, index, own = unit.layer, unit.x, unit.index, _settings(unit)
    if isinstance(layer, nn.LayerNorm):
        count = len(own["normalized_shape"])
        kept, scaled = x.ndim - count, index[x.ndim - count :]
        group, place = x[index[:kept]], scaled
        apart, axes = x, tuple(range(kept, x.ndim))
    else:
        groups = own["num_groups"] if "num_groups" in own else x.shape[1]
        each = x.shape[1] // groups
        first = index[1] // each * each
        group = x[index[0], first : first + each]
        place, scaled = (index[1] - first, *index[2:]), index[1:2]
        # (N,C,...) -> (N,G,C/G,...)
        apart = x.reshape(len(x), groups, each, *x.shape[2:])
        axes = tuple(range(2, apart.ndim))
    weight, bias = (getattr(layer, name) for name in ("weight", "bias"))
    w, b = (None if t is None else float(values(t, scaled)) for t in (weight, bias))
    parts = Standardised(
        group.astype(np.float64), place, own["eps"], 1.0 if w is None else w, b or 0.0
    )
    stored = arranged(apart, axes, own["eps"])
    kernel = kernels.pick_for("group_norm", stored.brought(apart), stored.g)
    found = compared(
        *(unit.value, parts.result, kernel, stored.g, parts.absolute, unit.y.dtype),
        chain=parts.values.size + 8,
    )
    sums = 4 * (parts.values.size + 8) * bounds.eps(np.float64) * parts.absolute
    assert found.bound is not None
    return parts, Compared(found.value, found.expected, found.kernel, found.bound + sums)


def _channelwise(unit: Unit) -> tuple[Any, Compared]:
    """Batch normalisation in eval, or a scale and a shift of channels."""
    layer, c, x = unit.layer, unit.index[1], float(unit.x[unit.index])
    own = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    for name in own:
        given = getattr(layer, name, None)
        if given is not None:
            own[name] = float(values(given, c))
    statistics = getattr(layer, "running_mean", None) is not None
    eps = float(layer.eps) if statistics else 0.0  # type: ignore[attr-defined]
    parts = Channelwise(x, own["running_mean"], own["running_var"], eps, own["weight"], own["bias"])
    kind = type(layer).__name__
    return parts, Compared(unit.value, parts.result, kind, parts.bound(unit.y.dtype))


def _named(kernel: Kernel) -> str:
    return f"{kernel.operation} {kernel.name}"


_OPENERS: dict[type[nn.Module], Callable[[Unit], tuple[Any, Compared]]] = {
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.GlobalMaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.GlobalAvgPool2d: _avg_pool,
    nn.LocalResponseNorm: _response,
    nn.LocalContrastNorm: _contrast,
    nn.LayerNorm: _standardised,
    nn.GroupNorm: _standardised,
    nn.InstanceNorm2d: _standardised,
    nn.BatchNorm2d: _channelwise,
    nn.Affine: _channelwise,
}
