"""Converters of layer, group and instance normalisation."""

from __future__ import annotations

import math

import numpy as np

from minidl import nn
from minidl.formats.onnx.batch import FRONT
from minidl.formats.onnx.call import Built, Call, Source, Steps, operator
from minidl.formats.onnx.operators.arithmetic import number

EPSILON = 1e-9
"""The standard's, added to a variance."""


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


@operator("RMSNormalization")
def rms_normalization(call: Call) -> Built:
    """x / sqrt(mean x^2 + epsilon) scale, over the axes from `axis` on (Zhang, Sennrich 2019)."""
    x, axis = call.first, call["axis"] % len(call.shape)
    dims = [call.axis(each) for each in range(axis, len(call.shape))]
    if axis < x.batch.axis:
        raise ValueError(f"the axes from {axis} on of its input {x.sizes} mix images")
    mean = nn.Power(2.0), nn.Mean(dims, True), nn.Shift(number(call["epsilon"])), nn.Sqrt()
    scale = _whole(call, 1, x.shape[axis:])
    after = () if scale is None else (nn.Scale(scale),)
    return Steps((nn.Divide(), *after), (x, Source(mean, x)))


@operator("LpNormalization")
def lp_normalization(call: Call) -> Built:
    """x over its norm along an axis, the sum of |x| (p = 1) or the root of that of squares; 0 where
    that is 0."""
    dim, p = call.axis(call["axis"]), call["p"]
    if p not in (1, 2):
        raise ValueError(f"p is {p}; the standard has 1 and 2")
    ends = np.finfo(np.float32)
    least = nn.Clip(float(ends.tiny), float(ends.max))
    total = nn.Sum([dim], True)
    norm = (nn.Absolute(), total, least) if p == 1 else (nn.Power(2.0), total, nn.Sqrt(), least)
    return Steps((nn.Divide(),), (call.first, Source(norm, call.first)))


@operator("MeanVarianceNormalization")
def mean_variance_normalization(call: Call) -> nn.Module:
    """Over the pixels of each channel, or over all of an image."""
    channels, given = _channels(call), sorted(a % len(call.shape) for a in call["axes"])
    pixels = [*range(2, len(call.shape))]
    if given == pixels:
        return nn.InstanceNorm2d.of(None, None, num_features=channels, eps=EPSILON)
    if given == [1, *pixels]:
        return nn.GroupNorm.of(None, None, num_groups=1, num_channels=channels, eps=EPSILON)
    raise ValueError(
        f"its axes {given} mix the images of a batch, or leave some pixels out; {pixels} or "
        f"{[1, *pixels]} can be imported"
    )


def _channels(call: Call) -> int:
    """The channels, on the axis behind the batch; ValueError for no further axes."""
    if call.first.batch != FRONT or math.prod(call.shape[2:]) < 1 or len(call.shape) < 3:
        raise ValueError(f"its input {call.first.sizes} is not images of channels (N, C, ...)")
    return call.shape[1]
