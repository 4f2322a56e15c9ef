"""Running sums, products over an axis, and the logarithm of a sum of exponentials."""

from __future__ import annotations

import math

import numpy as np

from minidl.functional import arguments
from minidl.functional.arithmetic import log, multiply
from minidl.functional.elementary import exp
from minidl.functional.moving import flip
from minidl.functional.reduction import sum as total
from minidl.functional.shape import concatenate, getitem, reshape
from minidl.rules import gradient
from minidl.tensor import Axis, Node, Tensor, record

Needs = tuple[bool, ...]


def cumsum(x: Tensor, dim: int) -> Tensor:
    """The running sum along `dim`: y[i] = x[0] + ... + x[i], accumulated in float64."""
    arguments.tensor(x, "cumsum", "x")
    axis = arguments.axis(dim, x.shape, "cumsum: dim")
    kind = np.float64 if x.dtype.kind == "f" else np.int64
    data = x._array.cumsum(axis=axis, dtype=kind)
    return record("cumsum", data.astype(x.dtype if x.dtype.kind == "f" else kind), (x,), axis=axis)


@gradient.rule("cumsum")
def _cumsum(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    """gx[i] = gy[i] + ... + gy[n-1]: the running sum from the end."""
    axis = node.saved["axis"]
    return (flip(cumsum(flip(gy, axis), axis), axis),)


def cumprod(x: Tensor, dim: int) -> Tensor:
    """The running product along `dim`, as n - 1 products: zeros have their right derivative."""
    arguments.tensor(x, "cumprod", "x")
    axis = arguments.axis(dim, x.shape, "cumprod: dim")
    parts = list[Tensor]()
    for i in range(x.shape[axis]):
        part = _slice(x, axis, i, i + 1)
        parts.append(multiply(parts[-1], part) if parts else part)
    return concatenate(parts, axis) if parts else x


def prod(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The product over `dim`, over all elements by default; 1 of nothing.

    Halves of the axis are multiplied until one element is left, so that zeros have their right
    derivative, of every order.
    """
    arguments.tensor(x, "prod", "x")
    kept = arguments.flag(keepdim, "prod: keepdim")
    if dim is None:
        found = _product(reshape(x, (-1,)), 0)  # (...) -> (count,)
        return reshape(found, (1,) * x.ndim if kept else ())
    axis = arguments.axis(dim, x.shape, "prod: dim")
    found = _product(x, axis)
    return found if kept else reshape(found, (*x.shape[:axis], *x.shape[axis + 1 :]))


def _product(x: Tensor, axis: int) -> Tensor:
    if x.shape[axis] == 0:
        shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        return record("fill", np.ones_like(x._array, shape=shape), ())
    while (n := x.shape[axis]) > 1:
        half = n // 2
        y = multiply(_slice(x, axis, 0, half), _slice(x, axis, half, 2 * half))
        x = concatenate([y, _slice(x, axis, 2 * half, n)], axis) if n % 2 else y
    return x


def _slice(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    return getitem(x, (*(slice(None),) * axis, slice(start, stop)))


def logsumexp(x: Tensor, dim: Axis, keepdim: bool = False) -> Tensor:
    """log(sum of e^x over `dim`, an axis or several), with the maximum subtracted first."""
    arguments.tensor(x, "logsumexp", "x")
    kept = arguments.flag(keepdim, "logsumexp: keepdim")
    axes = arguments.axes(dim, x.shape, "logsumexp: dim")
    if math.prod(x.shape[a] for a in axes) == 0:
        raise ValueError(f"logsumexp: nothing to sum over axis {axes} of the shape {x.shape}")
    most = x._array.max(axis=axes, keepdims=True)
    most = np.where(np.isfinite(most), most, 0).astype(x.dtype)
    shifted = log(total(exp(x - Tensor(most)), axes, True)) + Tensor(most)
    shape = tuple(n for i, n in enumerate(shifted.shape) if i not in axes)
    return shifted if kept else reshape(shifted, shape)  # without the axes of size 1
