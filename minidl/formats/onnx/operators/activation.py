"""Converters of activations, local response normalisation and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry
from minidl import nn
from minidl.formats.onnx.call import Builder, Built, Call, Source, Steps, operator
from minidl.formats.onnx.operators.arithmetic import number, per_channel
from minidl.functional.rectifiers import OF_PYTORCH

_LARGEST = float(np.finfo(np.float32).max)


def _plain(name: str, kind: Callable[[], nn.Module]) -> Builder:
    """Register the converter of an operator without settings."""
    return operator(name)(lambda call: kind())


for _name, _kind in {
    "Relu": nn.ReLU, "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "Mish": nn.Mish,
    "HardSwish": nn.Hardswish,
}.items():  # fmt: skip
    _plain(_name, _kind)


@operator("LeakyRelu")
def leaky_relu(call: Call) -> nn.Module:
    return nn.LeakyReLU(call["alpha"])


@operator("PRelu")
def prelu(call: Call) -> nn.Module:
    """One slope, or one for each channel."""
    slope = call.weights(1)
    return nn.PReLU(slope.reshape(1) if slope.size == 1 else per_channel(call, 1))  # () -> (1,)


@operator("HardSigmoid")
def hard_sigmoid(call: Call) -> nn.Module:
    """A file has alpha in float32: PyTorch's 1/6 is not 1/6 there."""
    alpha, beta = call["alpha"], call["beta"]
    if (np.float32(alpha), np.float32(beta)) == tuple(map(np.float32, OF_PYTORCH)):
        alpha, beta = OF_PYTORCH
    return nn.Hardsigmoid(alpha, beta)


@operator("Elu")
def elu(call: Call) -> nn.Module:
    return nn.ELU(call["alpha"])


@operator("Softplus")
def softplus(call: Call) -> nn.Module:
    """log(1 + e^x), with no threshold below which float32 would differ."""
    return nn.Softplus()


@operator("Gelu")
def gelu(call: Call) -> nn.Module:
    return nn.GELU(call["approximate"] or "none")


@operator("Swish")
def swish(call: Call) -> Built:
    """x sigmoid(alpha x)."""
    if call["alpha"] in (None, 1.0):
        return nn.SiLU()
    gate = Source((nn.Scale(number(call["alpha"])), nn.Sigmoid()), call.first)
    return Steps((nn.Multiply(),), (call.first, gate))


@operator("Selu")
def selu(call: Call) -> Built:
    """gamma ELU(x) (Klambauer et al. 2017)."""
    return nn.ELU(call["alpha"]), nn.Scale(number(call["gamma"]))


@operator("Celu")
def celu(call: Call) -> Built:
    """alpha ELU(x / alpha), of which the curve's alpha is 1 (Barron 2017)."""
    alpha = call["alpha"]
    if alpha == 0:
        raise ValueError("alpha is 0, by which it divides")
    return nn.Scale(number(1 / alpha)), nn.ELU(1.0), nn.Scale(number(alpha))


@operator("Softsign")
def softsign(call: Call) -> Built:
    """x / (1 + |x|)."""
    divisor = Source((nn.Absolute(), nn.Shift(number(1.0))), call.first)
    return Steps((nn.Divide(),), (call.first, divisor))


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
    call.planes  # noqa: B018  (only planes have channels)
    return nn.LocalResponseNorm(call["size"], call["alpha"], call["beta"], call["bias"])


@operator("LCN")
def lcn(call: Call) -> nn.Module:
    """Our own export's formula (`contrast.py`); what a window has in the plane must be as there."""
    _, C, H, W = call.planes
    names = ("size", "sigma", "border", "floor")
    settings = {name: call[name] for name in names}
    g = LCNGeometry.of((1, C, H, W), **settings)
    if call.has(1) and not np.allclose(call.array(1), g.coverage(), rtol=1e-6, atol=0):
        raise ValueError(f"its blurs of {H} x {W} pixels are not over the window in the plane")
    return nn.LocalContrastNorm(**settings)


@operator("Softmax")
def softmax(call: Call) -> Built:
    return _along(call, nn.Softmax)


@operator("LogSoftmax")
def log_softmax(call: Call) -> Built:
    return _along(call, nn.LogSoftmax)


def _along(call: Call, kind: Callable[[int], nn.Module]) -> Built:
    """Along one axis; up to opset 12 along all axes from `axis` on, flattened."""
    axis, own = call.axis(call["axis"]), call.first.own
    at = call["axis"] % len(call.shape)
    behind = call.shape[at + 1 :]
    if call.opset >= 13 or math.prod(behind) == 1:
        return kind(axis)
    if at < call.first.batch.axis:
        raise ValueError(f"the axes from {at} on of its input {call.first.sizes} mix images")
    flat = (*own[: axis - 1], math.prod(own[axis - 1 :]))
    return Steps((nn.Reshape(flat), kind(axis), nn.Reshape(own)))
