"""Converters of elementwise arithmetic, with broadcasting: of activations, and with constants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl import nn
from minidl.formats.onnx import early
from minidl.formats.onnx.batch import FRONT, Activation
from minidl.formats.onnx.call import Builder, Built, Call, Source, Steps, operator
from minidl.formats.onnx.joining import aligned, sources


def number(value: float) -> np.ndarray:
    """A number as the weight of a Scale or a Shift."""
    return np.full(1, value, np.float32)


def plain(kind: Callable[[], nn.Module]) -> Builder:
    """The converter of an operator without settings."""
    return lambda call: kind()


@operator("BatchNormalization")
def batch_normalization(call: Call) -> nn.Module:
    """(x - mean) / sqrt(var + epsilon) scale + bias, with fixed statistics."""
    if call["training_mode"] or call["spatial"] == 0:
        raise ValueError("training_mode=1 or spatial=0; only fixed statistics of channels can be")
    early.check_inference(call)
    named = sum(map(bool, call.node.outputs))
    if named > 1:
        raise ValueError(
            f"it has {named} outputs, which is training mode; only fixed statistics, with one "
            "output, can be imported: export the network in inference (eval) mode"
        )
    scale, bias, mean, variance = (call.weights(at).astype(np.float64) for at in range(1, 5))
    shapes = [each.shape for each in (scale, bias, mean, variance)]
    if call.first.batch != FRONT or set(shapes) != {call.shape[1:2]}:
        raise ValueError(f"its statistics {shapes} are not one for each channel of {call.shape}")
    if (variance + call["epsilon"] <= 0).any():
        raise ValueError(f"a variance of {variance.min()} leaves no root to divide by")
    weight = scale / np.sqrt(variance + call["epsilon"])
    return _affine(weight, bias - mean * weight)


@operator("Add", "Sum")
def add(call: Call) -> Built:
    if len(call.activations) == len(call.inputs) == 1:
        return nn.Identity()
    if len(call.activations) != 1 or len(call.inputs) != 2:
        return _join(call, nn.Add())
    return _shifted(call, _other(call), 1.0)


@operator("Mean")
def mean(call: Call) -> Built:
    """Of the inputs, element by element."""
    if len(call.inputs) == 1:
        return nn.Identity()
    steps = _join(call, nn.Add())
    share = nn.Scale(number(1 / len(call.inputs)))
    return Steps((*steps.modules, share), steps.sources, steps.batch)


@operator("Ceil")
def ceil(call: Call) -> Built:
    return nn.Negate(), nn.Floor(), nn.Negate()


@operator("Tan")
def tan(call: Call) -> Built:
    return Steps((nn.Divide(),), tuple(Source((f(),), call.first) for f in (nn.Sin, nn.Cos)))


@operator("Sub")
def subtract(call: Call) -> Built:
    if len(call.activations) == 2:
        return _join(call, nn.Subtract())
    constant = _other(call)
    return _shifted(call, constant, 1.0 if constant == 1 else -1.0)


@operator("Mul")
def multiply(call: Call) -> Built:
    if len(call.activations) == 2:
        return _join(call, nn.Multiply())
    return _scaled(call, call.weights(_other(call)))


@operator("Div")
def divide(call: Call) -> Built:
    if len(call.activations) == 2 or _other(call) == 0:
        return _join(call, nn.Divide())
    divisor = call.weights(1).astype(np.float64)
    if not divisor.all():
        raise ValueError("it divides by zero")
    return _scaled(call, (1 / divisor).astype(np.float32))


@operator("Max")
def maximum(call: Call) -> Built:
    return _bounded(call, nn.Maximum(), 0)


@operator("Min")
def minimum(call: Call) -> Built:
    return _bounded(call, nn.Minimum(), 1)


@operator("Pow")
def power(call: Call) -> Built:
    """Of an activation to a constant power, or any other two."""
    if len(call.activations) == 2 or _other(call) == 0:
        return _join(call, nn.Power())
    exponent = call.array(1)
    if exponent.size != 1:
        return _join(call, nn.Power())
    return nn.Power(float(exponent.item()))


for _name, _kind in {
    "Neg": nn.Negate, "Abs": nn.Absolute, "Reciprocal": nn.Reciprocal, "Exp": nn.Exp,
    "Log": nn.Log, "Sqrt": nn.Sqrt, "Erf": nn.Erf, "Sin": nn.Sin, "Cos": nn.Cos,
    "Floor": nn.Floor, "Round": nn.Round, "Sign": nn.Sign,
}.items():  # fmt: skip
    operator(_name)(plain(_kind))


@operator("Where")
def where(call: Call) -> Built:
    """Of a constant condition, and two activations or one and a constant."""
    condition = call.array(0)
    if condition.dtype != np.bool_:
        raise ValueError(f"its condition holds {condition.dtype}; it must hold bool")
    return _join(call, nn.Where())


def _bounded(call: Call, join: nn.Module, end: int) -> Built:
    """An elementwise extreme; of one activation and a number a Clip, whose other end is open."""
    if len(call.inputs) == 2 and len(call.activations) == 1:
        bound = call.weights(_other(call))
        if bound.size == 1:
            return nn.Clip(*((bound.item(), np.inf), (-np.inf, bound.item()))[end])
    return nn.Identity() if len(call.inputs) == 1 else _join(call, join)


def _join(call: Call, join: nn.Module) -> Steps:
    """A layer of all inputs, broadcast."""
    batch, values = aligned(call)
    return Steps((join,), sources(values), batch)


def _shifted(call: Call, constant: int, sign: float) -> Built:
    """sign x + c, or x - c where the constant is subtracted."""
    subtracted = call.node.operator == "Sub" and constant == 1
    value = call.weights(constant) * np.float32(-1 if subtracted else 1)
    channels = _as_channels(call, value)
    if channels is not None:
        return _affine(np.full(len(channels), sign), channels)
    before = (nn.Negate(),) if sign < 0 else ()
    return _with_constant(call, value, nn.Shift, *before)


def _scaled(call: Call, value: np.ndarray) -> Built:
    channels = _as_channels(call, value)
    if channels is not None:
        return _affine(channels, np.zeros(len(channels)))
    return _with_constant(call, value, nn.Scale)


def _with_constant(
    call: Call, value: np.ndarray, kind: type[nn.Scale] | type[nn.Shift], *before: nn.Module
) -> Steps:
    """A layer with the constant as its weight, one axis for each of the result."""
    (activation,) = call.activations
    batch, values = aligned(call, (activation, value))
    (source, *_), operand = sources(values), values[1]
    assert isinstance(operand, np.ndarray)
    return Steps((*before, kind(operand[0])), (source,), batch)


def _as_channels(call: Call, value: np.ndarray) -> np.ndarray | None:
    """The constant as (C,), if it is one number for each channel of rows or planes, or for all."""
    (activation,) = call.activations
    shape = activation.shape
    if activation.batch != FRONT or len(shape) not in (2, 4) or value.ndim > len(shape):
        return None
    aligned_ = (1,) * (len(shape) - value.ndim) + value.shape
    allowed = (1, shape[1], *(1 for _ in shape[2:]))
    if any(size not in (1, most) for size, most in zip(aligned_, allowed, strict=True)):
        return None
    return np.broadcast_to(value.ravel(), shape[1:2]).copy()  # with axes of 1 -> (C,)


def per_channel(call: Call, at: int) -> np.ndarray:
    """The constant input number `at` as (C,) float32: its value for each of the image's channels.

    ValueError if it differs along another axis, or is broadcast beyond the activation's shape.
    """
    shape, constant = call.activations[0].shape, call.weights(at)
    aligned_ = (1,) * (len(shape) - constant.ndim) + constant.shape
    allowed = (1, *shape[1:2], *(1 for _ in shape[2:]))
    fits = len(aligned_) == len(shape) and call.activations[0].batch == FRONT
    if not fits or any(s not in (1, most) for s, most in zip(aligned_, allowed, strict=True)):
        raise ValueError(
            f"its constant {constant.shape} is not one number for each channel of {shape}; "
            f"{allowed} would be"
        )
    return np.broadcast_to(constant.ravel(), shape[1:2]).copy()  # with axes of 1 -> (C,)


def _other(call: Call) -> int:
    """The number of the constant one of two inputs."""
    constants = [at for at, each in enumerate(call.inputs) if not isinstance(each, Activation)]
    if len(call.inputs) != 2 or len(constants) != 1:
        raise ValueError(
            f"of its {len(call.inputs)} inputs {len(constants)} are constants; one of two must be"
        )
    return constants[0]


def _affine(weight: np.ndarray, bias: np.ndarray) -> nn.Module:
    return nn.Affine(np.asarray(weight, np.float32), np.asarray(bias, np.float32))
