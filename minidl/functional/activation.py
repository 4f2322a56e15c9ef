"""Activation functions: the rectifier, sigmoid, hyperbolic tangent, softmax."""

from __future__ import annotations

import numpy as np

import kernels
from minidl.functional import arguments
from minidl.functional.elementwise import activated, activated_vjp
from minidl.functional.reduction import sum
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def relu(x: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); the derivative at 0 is 0, at NaN 1. With `inplace` x itself is changed."""
    arguments.tensor(x, "relu", "x")
    if inplace is not False:
        return arguments.overwritten(x, relu, inplace, "relu")
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
    return record("sigmoid", activated("sigmoid", x._array), (x,))


@gradient.rule("sigmoid")
def _sigmoid(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("sigmoid", gy._array, x._array)),)
    y = sigmoid(x)
    return (gy * y * (1.0 - y),)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    arguments.tensor(x, "tanh", "x")
    return record("tanh", activated("tanh", x._array), (x,))


@gradient.rule("tanh")
def _tanh(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    if not is_recording():
        return (Tensor(activated_vjp("tanh", gy._array, x._array)),)
    y = tanh(x)
    return (gy * (1.0 - y * y),)


def softmax(x: Tensor, dim: int = -1, *, axis: int | None = None) -> Tensor:
    """e^x over its sum along `dim`, with the maximum subtracted first. `axis` is another name.

    ValueError for an axis that x has not, or that is empty.
    """
    dim = _axis(x, dim, axis, "softmax")
    return record("softmax", _of_rows("softmax", dim, x._array), (x,), axis=dim)


@gradient.rule("softmax")
def _softmax(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    axis, y = node.saved["axis"], softmax(node.inputs[0], node.saved["axis"])
    if not is_recording():
        return (Tensor(_of_rows("softmax_vjp", axis, gy._array, y._array)),)
    product = gy * y
    return (product - y * sum(product, axis, True),)


def _of_rows(operation: str, axis: int, *arrays: np.ndarray) -> np.ndarray:
    """A kernel of rows along `axis`, which is moved to the end: for channels that are last in
    memory, and for a last axis, without a copy."""
    last = [np.moveaxis(a, axis, -1) for a in arrays]
    N = last[0].shape[-1]
    rows = [a.reshape(1, -1, N) for a in last]  # (...,N) -> (1,M,N)
    g = rows[0].shape
    found = kernels.pick_for(operation, rows[0], g)(*rows, g)
    return np.moveaxis(found.reshape(last[0].shape), -1, axis)  # (1,M,N) -> (...,N)


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
