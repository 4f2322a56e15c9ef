"""Sums, means, variances and extrema over axes, and broadcasting, the transpose of a sum."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

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


def sum(
    x: Tensor,
    dim: Axis = None,
    keepdim: bool = False,
    *,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """The sum over `dim`, an axis or several (all by default), accumulated in float64.

    keepdim: leave the axes, of size 1. `axis` and `keepdims` are NumPy's names of the two.
    """
    axes, kept = _reduced(x, dim, axis, keepdim, keepdims, "sum")
    data = x._array.sum(axis=axes, keepdims=kept, dtype=np.float64).astype(x.dtype)
    return record("sum", data, (x,), axes=axes)


@gradient.rule("sum")
def _sum(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,) = node.inputs
    return (broadcast_to(reshape(gy, _kept(x.shape, node.saved["axes"])), x.shape),)


def mean(
    x: Tensor,
    dim: Axis = None,
    keepdim: bool = False,
    *,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """The mean over `dim` (all axes by default): the sum, in x's type, times 1 / count.

    Infinite where the sum passes the largest number of the type, 3.4e38 in float32. `axis` and
    `keepdims` are NumPy's names of `dim` and `keepdim`. ValueError if there is nothing to average.
    """
    axes, kept = _reduced(x, dim, axis, keepdim, keepdims, "mean")
    count = math.prod(x.shape[i] for i in axes)
    if count == 0:
        raise ValueError(f"mean: nothing to average over axis {axes} of the shape {x.shape}")
    return sum(x, axes, kept) * (1.0 / count)


def var(
    x: Tensor,
    dim: Axis = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: int | None = None,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """The variance over `dim` (all axes by default): squares of x minus its mean, summed, over
    count - 1, or over count without `unbiased`.

    correction: what is subtracted from the count; 1 or 0 as `unbiased` says. NaN if nothing is
                left to divide by and the sum is 0. `axis` and `keepdims` are NumPy's names.
    """
    axes, kept = _reduced(x, dim, axis, keepdim, keepdims, "var")
    less = int(arguments.flag(unbiased, "var: unbiased"))
    if correction is not None:
        less = arguments.integer(correction, "var: correction")
    centred = x - mean(x, axes, True)
    count = math.prod(x.shape[i] for i in axes)
    return sum(centred * centred, axes, kept) / float(max(count - less, 0))


def amax(
    x: Tensor,
    dim: Axis = None,
    keepdim: bool = False,
    *,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """The maximum over `dim` (all axes by default); equal maxima share the derivative evenly.

    `axis` and `keepdims` are NumPy's names of `dim` and `keepdim`.
    """
    axes, kept = _reduced(x, dim, axis, keepdim, keepdims, "amax")
    return record("amax", x._array.max(axis=axes, keepdims=kept), (x,), axes=axes)


def amin(
    x: Tensor,
    dim: Axis = None,
    keepdim: bool = False,
    *,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """The minimum over `dim` (all axes by default); equal minima share the derivative evenly.

    `axis` and `keepdims` are NumPy's names of `dim` and `keepdim`.
    """
    axes, kept = _reduced(x, dim, axis, keepdim, keepdims, "amin")
    return record("amin", x._array.min(axis=axes, keepdims=kept), (x,), axes=axes)


@gradient.rule("amax")
@gradient.rule("amin")
def _extreme(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    x, axes = node.inputs[0]._array, node.saved["axes"]
    extreme = x.max if node.operation == "amax" else x.min
    return (_to_best(gy, x == extreme(axis=axes, keepdims=True), axes),)


def _to_best(gy: Tensor, best: np.ndarray, axes: tuple[int, ...]) -> Tensor:
    """gy in equal shares to the extreme elements over `axes`."""
    share = best / best.sum(axis=axes, keepdims=True)
    return reshape(gy, _kept(best.shape, axes)) * share.astype(gy.dtype)


def argmax(
    x: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    axis: int | None = None,
    keepdims: bool = False,
) -> Any:
    """The index of the first maximum along `dim`, of the flattened tensor by default: an array of
    integers on x's device, off the tape. `axis` and `keepdims` are NumPy's names."""
    arguments.tensor(x, "argmax", "x")
    along, kept = _one_of(dim, axis, "argmax"), _either(keepdim, keepdims, "argmax")
    if along is not None:
        (along,) = _axes(x, arguments.integer(along, "argmax: dim"), "argmax")
    if x.size == 0 and (along is None or x.shape[along] == 0):
        raise ValueError(f"argmax: nothing to choose from along axis {along} of {x.shape}")
    return x._array.argmax(axis=along, keepdims=kept)


def _reduced(
    x: Tensor, dim: Axis, axis: Axis, keepdim: bool, keepdims: bool, operation: str
) -> tuple[tuple[int, ...], bool]:
    """The axes of a reduction, under either name, and whether they are kept."""
    return _axes(x, _one_of(dim, axis, operation), operation), _either(keepdim, keepdims, operation)


def _one_of(dim: Axis, axis: Axis, operation: str) -> Any:
    if dim is not None and axis is not None:
        raise TypeError(f"{operation}: dim {dim} and axis {axis} are two names of one argument")
    return axis if dim is None else dim


def _either(keepdim: bool, keepdims: bool, operation: str) -> bool:
    one = arguments.flag(keepdim, f"{operation}: keepdim")
    return arguments.flag(keepdims, f"{operation}: keepdims") or one


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
