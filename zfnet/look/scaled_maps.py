"""Layers some of whose maps are multiplied by a factor, behind what the layer computes."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np

from minidl import Tensor, device, nn
from minidl.nn.hooks import Hooks
from zfnet.layouts import Layout


def scaled(
    layer: nn.Module, factors: Mapping[int, float], layout: Layout, shape: tuple[int, ...]
) -> nn.Module:
    """A copy of the layer whose maps are multiplied by `factors`, by their numbers.

    It shares the parameters, and is of the layer's own type; `shape` is that of its output without
    the batch. The product is on the tape, so that projections follow.
    """
    other, array = copy(layer), multipliers(factors, layout, shape)
    own = layer._hooks
    other._hooks = None if own is None else Hooks(*map(dict, (own.before, own.after, own.backward)))

    def multiply(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output * Tensor(device.like(array.astype(output.dtype), output._array))

    other.register_forward_hook(multiply)
    vars(other)["map_factors"] = array
    return other


def multipliers(factors: Mapping[int, float], layout: Layout, shape: tuple[int, ...]) -> np.ndarray:
    """The factor of every map, along the axes of the maps of an output (1,...)."""
    K, _, _ = layout.planes(shape)
    found = np.ones(K)
    for map, factor in factors.items():
        found[map] = factor
    axes = layout.maps(shape)
    return found.reshape(1, *(n if a in axes else 1 for a, n in enumerate(shape)))  # (K,) -> (1,..)


def factors_of(layer: nn.Module) -> np.ndarray | None:
    """The factors of a layer's maps (1,...), which broadcast to its output; None without any."""
    found: np.ndarray | None = vars(layer).get("map_factors")
    return found
