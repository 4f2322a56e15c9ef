"""Activation functions."""

from __future__ import annotations

import numpy as np

import kernels
from minidl.functional import arguments
from minidl.functional.arithmetic import exp
from minidl.functional.reduction import sum
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def relu(x: Tensor) -> Tensor:
    """max(x, 0); the derivative at 0 is 0, at NaN 1."""
    arguments.tensor(x, "relu", "x")
    kernel = kernels.pick_for("relu", x._array, x.shape)
    return record("relu", kernel(x._array), (x,))


@gradient.rule("relu")
def _relu(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_relu_vjp(gy, node.inputs[0]),)


def _relu_vjp(gy: Tensor, x: Tensor) -> Tensor:
    """0 where x <= 0, else gy: linear in gy, constant in x almost everywhere."""
    kernel = kernels.pick_for("relu_vjp", x._array, x.shape)
    return record("relu_vjp", kernel(gy._array, x._array), (gy, x))


@gradient.rule("relu_vjp")
def _relu_vjp_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, None]:
    return (_relu_vjp(gy, node.inputs[1]) if needs[0] else None), None


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), without overflow for large |x|."""
    arguments.tensor(x, "sigmoid", "x")
    small = np.exp(-np.abs(x._array))
    data = np.where(x._array >= 0, 1, small) / (1 + small)
    return record("sigmoid", data.astype(x.dtype), (x,))


@gradient.rule("sigmoid")
def _sigmoid(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    y = sigmoid(node.inputs[0])
    return (gy * y * (1.0 - y),)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    arguments.tensor(x, "tanh", "x")
    return record("tanh", np.tanh(x._array), (x,))


@gradient.rule("tanh")
def _tanh(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    y = tanh(node.inputs[0])
    return (gy * (1.0 - y * y),)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """e^x over its sum along `axis`."""
    return exp(log_softmax(x, axis))


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """x - log(sum of e^x along `axis`), with the maximum subtracted first."""
    arguments.tensor(x, "log_softmax", "x")
    axis = arguments.integer(axis, "log_softmax: axis")
    if not -x.ndim <= axis < x.ndim or x.shape[axis] == 0:
        raise ValueError(f"log_softmax: the shape {x.shape} has no axis {axis}, or it is empty")
    shifted = x._array - x._array.max(axis=axis, keepdims=True)
    data = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return record("log_softmax", data, (x,), axis=axis)


@gradient.rule("log_softmax")
def _log_softmax(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    axis = node.saved["axis"]
    return (gy - softmax(node.inputs[0], axis) * sum(gy, axis, keepdims=True),)
