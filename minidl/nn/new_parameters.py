"""Parameters of new layers: given arrays, zero biases, and numbers of channels."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from kernels.contract import memory
from kernels.contract.arguments import MOST
from minidl.functional import arguments
from minidl.nn.module import Module, Parameter

L = TypeVar("L", bound=Module)


def layer_with(kind: type[L], weight: np.ndarray, bias: np.ndarray | None) -> L:
    """A layer with given parameters, without random initial weights."""
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None or name == "weight":
            arguments.array(array, f"{kind.__name__}: {name}")
    layer: Any = kind.__new__(kind)
    layer.weight = Parameter(
        memory.canonicalise(weight)
    )  # in the kernels' layout, so that no call has to copy it
    layer.bias = None if bias is None else Parameter(bias)
    return layer


def zero_bias(channels: int, wanted: object) -> Parameter | None:
    """The bias of a new layer, if it is wanted."""
    return Parameter(np.zeros(channels, np.float32)) if arguments.flag(wanted, "bias") else None


def channel_count(value: object, what: str) -> int:
    """A number of channels or features."""
    return arguments.integer(value, what, least=0, most=MOST)


def channels_per_group(channels: int, groups: int) -> int:
    """Channels of one group; ValueError if they do not divide."""
    channels, groups = channel_count(channels, "channels"), arguments.integer(groups, "groups")
    if groups < 1 or channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}")
    return channels // groups
