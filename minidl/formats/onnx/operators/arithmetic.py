"""Converters of sums of activations, and of scales and shifts for each channel."""

from __future__ import annotations

import numpy as np

from minidl import nn
from minidl.formats.onnx.call import Activation, Call, operator


@operator("BatchNormalization")
def batch_normalization(call: Call) -> nn.Module:
    """(x - mean) / sqrt(var + epsilon) scale + bias, with fixed statistics."""
    if call["training_mode"] or call["spatial"] == 0:
        raise ValueError("training_mode=1 or spatial=0; only fixed statistics of channels can be")
    named = sum(map(bool, call.node.outputs))
    if named > 1:
        raise ValueError(
            f"it has {named} outputs, which is training mode; only fixed statistics, with one "
            "output, can be imported: export the network in inference (eval) mode"
        )
    scale, bias, mean, variance = (call.weights(at).astype(np.float64) for at in range(1, 5))
    shapes = [each.shape for each in (scale, bias, mean, variance)]
    if set(shapes) != {call.shape[1:2]}:
        raise ValueError(f"its statistics {shapes} are not one for each channel of {call.shape}")
    if (variance + call["epsilon"] <= 0).any():
        raise ValueError(f"a variance of {variance.min()} leaves no root to divide by")
    weight = scale / np.sqrt(variance + call["epsilon"])
    return _affine(weight, bias - mean * weight)


@operator("Add", "Sum")
def add(call: Call) -> nn.Module:
    """A sum of activations of one shape, or of an activation and a constant for each channel."""
    if len(call.activations) == len(call.inputs) == 1:
        return nn.Identity()
    if len(call.activations) == len(call.inputs):
        _check_equal(call.activations)
        return nn.Add()
    constant = _other(call)
    return _affine(np.ones(_channels(call)), per_channel(call, constant))


@operator("Sub")
def subtract(call: Call) -> nn.Module:
    constant = _other(call)
    value = per_channel(call, constant).astype(np.float64)
    sign = np.full(_channels(call), 1.0 if constant == 1 else -1.0)
    return _affine(sign, -value * sign)


@operator("Mul")
def multiply(call: Call) -> nn.Module:
    constant = _other(call)
    return _affine(per_channel(call, constant), np.zeros(_channels(call)))


@operator("Div")
def divide(call: Call) -> nn.Module:
    if _other(call) != 1:
        raise ValueError("it divides a constant by what is computed from the image")
    divisor = per_channel(call, 1).astype(np.float64)
    if not divisor.all():
        raise ValueError("it divides by zero")
    return _affine(1 / divisor, np.zeros(_channels(call)))


def per_channel(call: Call, at: int) -> np.ndarray:
    """The constant input number `at` as (C,) float32: its value for each of the image's channels.

    ValueError if it differs along another axis, or is broadcast beyond the activation's shape.
    """
    shape, constant = call.activations[0].shape, call.weights(at)
    aligned = (1,) * (len(shape) - constant.ndim) + constant.shape
    allowed = (1, *shape[1:2], *(1 for _ in shape[2:]))
    if len(aligned) != len(shape) or any(
        size not in (1, most) for size, most in zip(aligned, allowed, strict=True)
    ):
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


def _channels(call: Call) -> int:
    return call.activations[0].shape[1]


def _check_equal(terms: tuple[Activation, ...]) -> None:
    shapes = [each.shape for each in terms]
    if len(set(shapes)) != 1:
        raise ValueError(f"its terms {shapes} are not of one shape")


def _affine(weight: np.ndarray, bias: np.ndarray) -> nn.Module:
    return nn.Affine(np.asarray(weight, np.float32), np.asarray(bias, np.float32))
