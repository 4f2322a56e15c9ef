"""One layer's step back in the projection of a unit, compared with the engine's.

The projection (`zfnet/deconvnet.py`) goes from the unit down to the image, layer by layer. Of a
layer it is opened from either side: what one element of the layer's input gets, and from where
(`received`), or what one element of its output gives, and to where (`given`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kernels
from kernels import bounds
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from minidl import Tensor, nn
from minidl.recording import recording
from zfnet.dependence_rules import geometry
from zfnet.inspectable import InspectableGraph
from zfnet.look.inside.compared import Compared, compared
from zfnet.look.inside.layer import kernels_of
from zfnet.look.inside.pointwise import MOVING, broadcast, numbered
from zfnet.look.inside.projected import RECTIFIES, Projected, arrays
from zfnet.look.inside.transposed import (
    GatheredSum,
    Rectified,
    averaged_back,
    gathered_sum,
    scattered,
    unpooled,
)
from zfnet.look.inside.unit import Index, filter_of, unit_of, values
from zfnet.look.scaled_maps import factors_of

NORMALISATIONS = (nn.LocalContrastNorm, nn.LocalResponseNorm)
STANDARDISATIONS = (nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)


@dataclass(frozen=True)
class Passed:
    """One element of a step that multiplies by a factor, which is 1 where it is passed through."""

    gy: float
    factor: float

    @property
    def result(self) -> float:
        return self.gy * self.factor


@dataclass(frozen=True, eq=False)
class Step:
    """What one element of a layer's input gets, compared with the engine's.

    parts:   GatheredSum, Collected, Rectified or Passed.
    total:   the element's whole cotangent; more than this layer's part where others read it too.
    readers: layers that read the element on the way to the unit.
    """

    name: str
    source: str
    index: Index
    parts: Any
    compared: Compared
    total: float
    readers: tuple[str, ...]


def received(projected: Projected, name: str, at: tuple[int, int, int], source: int = 0) -> Step:
    """What element `at` (map,p,q) of the layer's input `source` gets from the layer.

    ValueError for a layer off the way to the unit, an element that does not exist, or a kind of
    layer whose step is not opened.
    """
    model, layer = projected.model, _layer(projected, name)
    sources = model.wiring()[name]
    index = _element(model, sources[source], at)
    made, engine = _opened(projected, name, layer, index, source), _engine(projected, name, source)
    parts, found = made
    readers = tuple(
        reader
        for reader in model.below(projected.layer)
        if sources[source] in model.wiring()[reader]
    )
    result = Compared(float(engine[index]), parts.result, *found)
    total = float(projected.cotangents[sources[source]][index])
    return Step(name, sources[source], index, parts, result, total, readers)


def given(projected: Projected, name: str, at: tuple[int, int, int]) -> Any:
    """What output `at` (map,p,q) of a convolution gives to the pixels of its window (`Scattered`).

    ValueError for another layer.
    """
    layer = _layer(projected, name)
    unit = unit_of(projected.model, arrays(projected.outputs), name, at)
    g = geometry(layer, unit.x.shape) if isinstance(layer, nn.Conv2d) else None
    if not isinstance(g, ConvGeometry):
        raise ValueError(f"{name} is no convolution: its outputs are not scattered by a kernel")
    gy = _behind_factors(layer, projected.cotangents[name])
    return scattered(gy, filter_of(unit, at[0])[0], g, unit.index)


def _layer(projected: Projected, name: str) -> nn.Module:
    layers = dict(projected.model.children())
    if name not in projected.cotangents or name not in layers:
        raise ValueError(
            f"{name} is not between {projected.layer} and the image: "
            f"{', '.join(n for n in projected.cotangents if n != nn.INPUT)} are"
        )
    return layers[name]


def _element(model: InspectableGraph, source: str, at: tuple[int, int, int]) -> Index:
    """The index of an element of a layer's output, or of the image."""
    side = model.image_size
    shape = (3, side, side) if source == nn.INPUT else model.unit_planes(source)
    if not all(0 <= i < size for i, size in zip(at, shape, strict=True)):
        raise ValueError(f"{source} is {shape[0]} maps of {shape[1]}x{shape[2]}, without {at}")
    if source == nn.INPUT:
        return (0, *at)
    return (0, *model.layout(source).index(model.shapes()[source], *at))


def _engine(projected: Projected, name: str, source: int) -> np.ndarray:
    """The cotangent that the layer alone gives to its input: its own forward and backward pass."""
    layer = _layer(projected, name)
    with recording(True):
        inputs = [
            Tensor(projected.outputs[n].numpy(), requires_grad=True)
            for n in projected.model.wiring()[name]
        ]
        y = layer(*inputs)
    if y is inputs[source]:  # (dropout in eval)
        return projected.cotangents[name]
    gy = projected.cotangents[name]
    (found,) = y.backward(gy, rules=projected.table, inputs=[inputs[source]])
    result: np.ndarray = found.numpy()
    return result


Found = tuple[Any, tuple[str, float | None]]
"""The parts, the kernel's name, and the bound."""


def _opened(projected: Projected, name: str, layer: nn.Module, index: Index, source: int) -> Found:
    gy = _behind_factors(layer, projected.cotangents[name])
    x = projected.outputs[projected.model.wiring()[name][source]].numpy()
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, gy, x, index)
    if isinstance(layer, nn.Linear):
        return _linear(layer, gy, index)
    if isinstance(layer, nn.MaxPool2d | nn.GlobalMaxPool2d | nn.AvgPool2d | nn.GlobalAvgPool2d):
        return _pooling(layer, gy, x, index)
    if isinstance(layer, nn.ReLU):
        parts = Rectified(float(gy[index]), float(x[index]), *RECTIFIES[projected.rule])
        return parts, ("relu", 0.0)
    place, factor, exact = _factor(projected, name, layer, index, source)
    found = Passed(float(gy[place]), factor)
    bound = 0.0 if exact else 8 * float(bounds.rounding(1, np.array(abs(found.result)), gy.dtype))
    return found, (type(layer).__name__, bound)


def _behind_factors(layer: nn.Module, gy: np.ndarray) -> np.ndarray:
    """The cotangent behind the factors of a changed network's maps."""
    factors = factors_of(layer)
    return gy if factors is None else gy * factors.astype(gy.dtype)


def _convolution(layer: nn.Conv2d, gy: np.ndarray, x: np.ndarray, index: Index) -> Found:
    g = geometry(layer, x.shape)
    assert isinstance(g, ConvGeometry)
    own = values(layer.weight, kernels_of(g, index[1]))
    parts = gathered_sum(gy, own, g, index)
    kernel = kernels.pick_for("conv2d_dgrad", gy, g, "exact", prepared=True)
    chain = max(parts.products.size, 1)
    found = compared(0.0, parts.result, kernel, g, parts.absolute, gy.dtype, chain)
    return parts, (found.kernel, found.bound)


def _linear(layer: nn.Linear, gy: np.ndarray, index: Index) -> Found:
    """As a convolution of one pixel, whose channels are the features."""
    K, F = layer.weight.shape
    g = ConvGeometry.of((1, F, 1, 1), (K, F, 1, 1))
    row = gy[index[:-1]]  # (K,)
    column = values(layer.weight, (slice(None), index[-1]))
    # (K,) -> (1,K,1,1), (K,) -> (K,1,1)
    at = (0, index[-1], 0, 0)
    parts: GatheredSum = gathered_sum(row.reshape(1, K, 1, 1), column.reshape(K, 1, 1), g, at)
    shape = gy.size // max(K, 1), F, K
    kernel = kernels.pick_for("matmul", gy, shape)
    found = compared(0.0, parts.result, kernel, shape, parts.absolute, gy.dtype, K)
    return parts, (found.kernel, found.bound)


def _pooling(layer: nn.Module, gy: np.ndarray, x: np.ndarray, index: Index) -> Found:
    g = geometry(layer, x.shape)
    assert isinstance(g, PoolGeometry)
    planes = gy.reshape(g.y_shape)  # (N,C) or (N,C,P,Q) -> (N,C,P,Q)
    chain, operation, options = g.R * g.S, "max_unpool2d", {"collisions": "sum"}
    if isinstance(layer, nn.MaxPool2d | nn.GlobalMaxPool2d):
        _, switches = kernels.pick_for("max_pool2d", x, g)(x, g)
        parts = unpooled(planes, switches, g, index)
    else:
        chain, operation, options = chain + 2, "avg_pool2d_vjp", {}
        parts = averaged_back(planes, g, index)
    kernel = kernels.pick_for(operation, planes, g, **options)
    found = compared(0.0, parts.result, kernel, g, parts.absolute, gy.dtype, chain)
    return parts, (found.kernel, found.bound)


def _factor(
    projected: Projected, name: str, layer: nn.Module, index: Index, source: int
) -> tuple[Index, float, bool]:
    """Of a layer that passes each element on: where it is in the output, its factor, and whether
    the product is exact. ValueError for a layer that does not."""
    kind, passes = type(layer).__name__, projected.rule != "gradient"
    if kind in ("Add", "Dropout", "Identity") and _alike(projected, name, source):
        return index, 1.0, True
    if kind in MOVING:
        shape = projected.outputs[projected.model.wiring()[name][0]].shape
        places = np.argwhere(numbered(layer, shape) == np.ravel_multi_index(index, shape))
        if len(places) == 1:
            return tuple(int(i) for i in places[0]), 1.0, True
    if isinstance(layer, nn.Pixels):
        order, scale = layer.settings["order"], layer.settings["scale"]
        i, dtype = order.index(index[1]), projected.cotangents[name].dtype
        return (index[0], i, *index[2:]), float(np.asarray(scale[i], dtype)), scale[i] == 1
    if kind == "Concatenate":
        return _joined(projected, name, layer, index, source), 1.0, True
    if isinstance(layer, NORMALISATIONS) and passes:
        return index, 1.0, True
    if isinstance(layer, STANDARDISATIONS) and passes:
        return index, _scale_at(layer, index), False
    if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None:
        affine = layer.affine_of_running()
        return index, float(values(affine.weight, index[1])), False
    if isinstance(layer, nn.Affine):
        return index, float(values(layer.weight, index[1])), False
    raise ValueError(
        f"the step back through {name}, a {kind}, by the rules of {projected.rule} is not opened; "
        "those of convolutions, linear layers, pooling, rectifiers, joins and (by deconvnet and "
        "guided) normalisation are"
    )


def _alike(projected: Projected, name: str, source: int) -> bool:
    """Whether the input has the output's shape."""
    below = projected.outputs[projected.model.wiring()[name][source]]
    return below.shape == projected.outputs[name].shape


def _joined(projected: Projected, name: str, layer: Any, index: Index, source: int) -> Index:
    """Where the element of an input is in the concatenation."""
    below = [projected.outputs[n].shape for n in projected.model.wiring()[name]]
    axis = layer.settings["axis"] % len(index)
    before = sum(shape[axis] for shape in below[:source])
    return (*index[:axis], index[axis] + before, *index[axis + 1 :])


def _scale_at(layer: Any, index: Index) -> float:
    """The weight with which a standardised element was multiplied."""
    if layer.weight is None:
        return 1.0
    shape = layer.weight.shape
    at = broadcast(index, shape) if isinstance(layer, nn.LayerNorm) else index[1:2]
    return float(values(layer.weight, at))
