"""Converters of layer, group and instance normalisation."""

from __future__ import annotations

import math

import numpy as np

from minidl import nn
from minidl.formats.onnx.batch import FRONT
from minidl.formats.onnx.call import Call, operator


@operator("LayerNormalization")
def layer_normalization(call: Call) -> nn.Module:
    """Over the axes from `axis` on, which must be behind the batch's."""
    x, axis = call.first, call["axis"]
    call.axis(axis)
    axis %= len(x.shape)
    if axis < x.batch.axis:
        raise ValueError(f"the axes from {axis} on of its input {x.sizes} mix images")
    shape = x.shape[axis:]
    weight, bias = (_whole(call, at, shape) for at in (1, 2))
    return nn.LayerNorm.of(weight, bias, normalized_shape=shape, eps=call["epsilon"])


def _whole(call: Call, at: int, shape: tuple[int, ...]) -> np.ndarray | None:
    """A weight of the normalised shape, from one that broadcasts to it."""
    if not call.has(at):
        return None
    array = call.weights(at)
    trimmed = array.reshape(array.shape[max(array.ndim - len(shape), 0) :])  # leading axes of 1
    return np.broadcast_to(trimmed, shape).copy()  # a broadcast view cannot be learnt


@operator("InstanceNormalization")
def instance_normalization(call: Call) -> nn.Module:
    channels = _channels(call)
    weight, bias = call.weights(1), call.weights(2)
    settings = {"num_features": channels, "eps": call["epsilon"]}
    return nn.InstanceNorm2d.of(weight, bias, **settings)


@operator("GroupNormalization")
def group_normalization(call: Call) -> nn.Module:
    """Up to opset 20 weights are those of groups, then of channels."""
    channels, groups = _channels(call), call["num_groups"]
    if groups < 1 or channels % groups:
        raise ValueError(f"its {groups} groups do not divide the {channels} channels")
    arrays = [call.weights(at) if call.has(at) else None for at in (1, 2)]
    weight, bias = (
        np.repeat(each, channels // groups) if each is not None and each.size == groups else each
        for each in arrays
    )
    settings = {"num_groups": groups, "num_channels": channels, "eps": call["epsilon"]}
    return nn.GroupNorm.of(weight, bias, **settings)


def _channels(call: Call) -> int:
    """The channels, on the axis behind the batch; ValueError for no further axes."""
    if call.first.batch != FRONT or math.prod(call.shape[2:]) < 1 or len(call.shape) < 3:
        raise ValueError(f"its input {call.first.sizes} is not images of channels (N, C, ...)")
    return call.shape[1]
