"""Sums, means and maxima over axes, and broadcasting, the transpose of a sum."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from minidl.functional import arguments
from minidl.functional.shape import reshape
from minidl.rules import gradient
from minidl.tensor import Axis, Node, Tensor, record, record_view

Needs = tuple[bool, ...]


def _axes(x: Tensor, axis: Axis, operation: str) -> tuple[int, ...]:
    """Axes of x as non-negative numbers in order; None means all."""
    arguments.tensor(x, operation, "x")
    if axis is None:
        return tuple(range(x.ndim))
    one = not isinstance(axis, Iterable)
    given = arguments.integers((axis,) if one else axis, f"{operation}: axis")
    axes = tuple(sorted({a % x.ndim for a in given if -x.ndim <= a < x.ndim}))
    if len(axes) != len(given):
        outside = [a for a in given if not -x.ndim <= a < x.ndim]
        raise ValueError(
            f"{operation}: axis {outside[0]} is out of bounds for array of dimension {x.ndim}"
            if outside
            else f"{operation}: axis {given} names an axis of the shape {x.shape} twice"
        )
    return axes


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with 1 in place of each of `axes`."""
    return tuple(1 if i in axes else size for i, size in enumerate(shape))


def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis` (all axes by default), accumulated in float64."""
    axes, keepdims = _axes(x, axis, "sum"), arguments.flag(keepdims, "sum: keepdims")
    data = x._array.sum(axis=axes, keepdims=keepdims, dtype=np.float64).astype(x.dtype)
    return record("sum", data, (x,), axes=axes)


@gradient.rule("sum")
def _sum(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    return (broadcast_to(reshape(gy, _kept(x.shape, node.saved["axes"])), x.shape),)


def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over `axis` (all axes by default): the sum, in x's type, times 1 / count.

    Infinite where the sum passes the largest number of the type, 3.4e38 in float32.
    """
    count = math.prod(x.shape[i] for i in _axes(x, axis, "mean"))
    if count == 0:
        raise ValueError(f"mean: nothing to average over axis {axis} of the shape {x.shape}")
    return sum(x, axis, keepdims) * (1.0 / count)


def amax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The maximum over `axis`; equal maxima share the derivative evenly."""
    axes, keepdims = _axes(x, axis, "amax"), arguments.flag(keepdims, "amax: keepdims")
    data = x._array.max(axis=axes, keepdims=keepdims)
    return record("amax", data, (x,), axes=axes)


@gradient.rule("amax")
def _amax(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), axes = node.inputs, node.saved["axes"]
    best = x._array == x._array.max(axis=axes, keepdims=True)
    share = best / best.sum(axis=axes, keepdims=True)
    return (reshape(gy, _kept(x.shape, axes)) * share.astype(x.dtype),)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x repeated along axes of size 1 and new leading axes."""
    arguments.tensor(x, "broadcast_to", "x")
    target = arguments.sizes(shape, "broadcast_to: shape")
    try:
        data = np.broadcast_to(x._array, target)
    except ValueError:
        raise ValueError(
            f"broadcast_to: {x.shape} does not broadcast to {target}; each axis of the first, from "
            "the last, must be equal to that of the second, or 1"
        ) from None
    return record_view("broadcast_to", data, x)


@gradient.rule("broadcast_to")
def _broadcast_to(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (sum_to(gy, node.inputs[0].shape),)


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The transpose of broadcasting `shape` to x's shape: sums over the axes that were repeated."""
    arguments.tensor(x, "sum_to", "x")
    shape = arguments.sizes(shape, "sum_to: shape")
    if x.shape == shape:
        return x
    extra = x.ndim - len(shape)
    repeated = tuple(
        i for i in range(x.ndim) if i < extra or (shape[i - extra] == 1 and x.shape[i] != 1)
    )
    return reshape(sum(x, repeated), shape) if repeated else reshape(x, shape)
