"""Converters of activations, local response normalisation and softmax."""

from __future__ import annotations

import math

import numpy as np

from minidl import nn
from minidl.formats.onnx.call import Call, operator
from minidl.formats.onnx.operators.arithmetic import per_channel

_LARGEST = float(np.finfo(np.float32).max)


@operator("Relu")
def relu(call: Call) -> nn.Module:
    return nn.ReLU()


@operator("LeakyRelu")
def leaky_relu(call: Call) -> nn.Module:
    return nn.LeakyReLU(call["alpha"])


@operator("PRelu")
def prelu(call: Call) -> nn.Module:
    """One slope, or one for each channel."""
    slope = call.weights(1)
    return nn.PReLU(slope.reshape(1) if slope.size == 1 else per_channel(call, 1))  # () -> (1,)


@operator("Sigmoid")
def sigmoid(call: Call) -> nn.Module:
    return nn.Sigmoid()


@operator("Tanh")
def tanh(call: Call) -> nn.Module:
    return nn.Tanh()


@operator("Clip")
def clip(call: Call) -> nn.Module:
    """The bounds are attributes up to opset 10, then inputs; float32's largest where omitted."""
    if call.opset < 11:
        return nn.Clip(call["min"], call["max"])
    low = call.weights(1).item() if call.has(1) else -_LARGEST
    high = call.weights(2).item() if call.has(2) else _LARGEST
    return nn.Clip(low, high)


@operator("LRN")
def lrn(call: Call) -> nn.Module:
    return nn.LocalResponseNorm(call["size"], call["alpha"], call["beta"], call["bias"])


@operator("Softmax")
def softmax(call: Call) -> nn.Module | tuple[nn.Module, ...]:
    """Along one axis; up to opset 12 along all axes from `axis` on, flattened."""
    axis = call.axis(call["axis"])
    behind = call.shape[axis + 1 :]
    if call.opset >= 13 or math.prod(behind) == 1:
        return nn.Softmax(axis)
    before, kept = call.shape[1:axis], call.shape[1:]
    return nn.Reshape((*before, math.prod(call.shape[axis:]))), nn.Softmax(axis), nn.Reshape(kept)
