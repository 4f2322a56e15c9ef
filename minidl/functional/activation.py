"""Activation functions: the rectifier, sigmoid, hyperbolic tangent, softmax."""

from __future__ import annotations

import numpy as np

import kernels
from minidl.functional import arguments
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
    return record("sigmoid", logistic(x._array), (x,))


@gradient.rule("sigmoid")
def _sigmoid(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    y = sigmoid(node.inputs[0])
    return (gy * y * (1.0 - y),)


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x): an array of x's type. Where e^-x is too large the result is 0."""
    out = np.empty_like(x)
    np.negative(x, out=out)
    with np.errstate(over="ignore"):
        np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)
    return out


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    arguments.tensor(x, "tanh", "x")
    return record("tanh", np.tanh(x._array), (x,))


@gradient.rule("tanh")
def _tanh(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    y = tanh(node.inputs[0])
    return (gy * (1.0 - y * y),)


def softmax(x: Tensor, dim: int = -1, *, axis: int | None = None) -> Tensor:
    """e^x over its sum along `dim`, with the maximum subtracted first. `axis` is another name.

    ValueError for an axis that x has not, or that is empty.
    """
    dim = _axis(x, dim, axis, "softmax")
    data = x._array - x._array.max(axis=dim, keepdims=True)
    np.exp(data, out=data)
    data /= data.sum(axis=dim, keepdims=True)
    return record("softmax", data, (x,), axis=dim)


@gradient.rule("softmax")
def _softmax(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    axis = node.saved["axis"]
    product = gy * (y := softmax(node.inputs[0], axis))
    return (product - y * sum(product, axis, True),)


def log_softmax(x: Tensor, dim: int = -1, *, axis: int | None = None) -> Tensor:
    """x - log(sum of e^x along `dim`), with the maximum subtracted first.

    `axis` is another name of `dim`. ValueError for an axis that x has not, or that is empty.
    """
    dim = _axis(x, dim, axis, "log_softmax")
    data = x._array - x._array.max(axis=dim, keepdims=True)
    data -= np.log(np.exp(data).sum(axis=dim, keepdims=True))
    return record("log_softmax", data, (x,), axis=dim)


@gradient.rule("log_softmax")
def _log_softmax(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    axis = node.saved["axis"]
    return (gy - softmax(node.inputs[0], axis) * sum(gy, axis, True),)


def _axis(x: Tensor, dim: int, axis: int | None, operation: str) -> int:
    arguments.tensor(x, operation, "x")
    found = arguments.integer(dim if axis is None else axis, f"{operation}: dim")
    if not -x.ndim <= found < x.ndim or x.shape[found] == 0:
        raise ValueError(f"{operation}: the shape {x.shape} has no axis {found}, or it is empty")
    return found
