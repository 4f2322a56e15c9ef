"""The operands of a unit of a normalisation, compared with the engine's value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import kernels
from kernels import bounds
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from minidl import nn
from minidl.functional.arranged_groups import arranged
from zfnet.look.inside.compared import Compared, compared
from zfnet.look.inside.normalised import Channelwise, Standardised, contrast, response
from zfnet.look.inside.unit import Unit, named, settings_of, values


def open_response(unit: Unit) -> tuple[Any, Compared]:
    g = LRNGeometry.of(unit.x.shape, **settings_of(unit))
    parts = response(unit.x, g, unit.index)
    kernel = kernels.pick_for("local_response_norm", unit.x, g)
    bound = parts.bound(bounds.stated(kernel, g, g.size + 6), unit.y.dtype)
    return parts, Compared(unit.value, parts.result, named(kernel), bound)


def open_contrast(unit: Unit) -> tuple[Any, Compared]:
    g = LCNGeometry.of(unit.x.shape, **settings_of(unit))
    parts = contrast(unit.x, g, unit.index)
    kernel = kernels.pick_for("local_contrast_norm", unit.x, g)
    own = kernel.error_bound is None and kernel.exact  # it computes in float64
    bound = parts.bound(unit.y.dtype) if own else None
    return parts, Compared(unit.value, parts.result, named(kernel), bound)


def open_standardised(unit: Unit) -> tuple[Any, Compared]:
    """Layer, group and instance normalisation: the axes that are standardised together."""
    layer, x, index, own = unit.layer, unit.x, unit.index, settings_of(unit)
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
    return parts, replace(found, bound=found.bound + sums)


def open_channelwise(unit: Unit) -> tuple[Any, Compared]:
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
