"""Maximum and minimum of two tensors, bounds, and comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import rules
from minidl.functional import arguments
from minidl.functional.arithmetic import as_tensors, where
from minidl.functional.reduction import sum_to
from minidl.rules import gradient
from minidl.tensor import Node, Operand, Tensor, record

Needs = tuple[bool, ...]
Cotangents = tuple[Tensor | None, ...]


def maximum(a: Operand, b: Operand) -> Tensor:
    """The elementwise maximum; of equal operands each gets half the derivative.

    NaN if one is, and then each gets the derivative, as in PyTorch.
    """
    a, b = as_tensors(a, b, "maximum")
    return record("maximum", np.maximum(a._array, b._array), (a, b))


@gradient.rule("maximum")
def _maximum(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return _shared(gy, a, b, a._array < b._array, a._array > b._array)


def minimum(a: Operand, b: Operand) -> Tensor:
    """The elementwise minimum; of equal operands each gets half the derivative.

    NaN if one is, and then each gets the derivative, as in PyTorch.
    """
    a, b = as_tensors(a, b, "minimum")
    return record("minimum", np.minimum(a._array, b._array), (a, b))


@gradient.rule("minimum")
def _minimum(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    a, b = node.inputs
    return _shared(gy, a, b, a._array > b._array, a._array < b._array)


def _shared(
    gy: Tensor, a: Tensor, b: Tensor, a_loses: np.ndarray, b_loses: np.ndarray
) -> Cotangents:
    """gy to the operand that is the result, in halves on a tie; whole to both at NaN."""
    ties = a._array == b._array
    half = np.where(ties, 0.5, 1.0)
    a_share, b_share = (np.where(loses, 0.0, half).astype(gy.dtype) for loses in (a_loses, b_loses))
    return sum_to(gy * a_share, a.shape), sum_to(gy * b_share, b.shape)


def clip(a: Tensor, low: float, high: float) -> Tensor:
    """a clipped to [low, high]; the derivative is 1 within the bounds and on them, 0 at NaN."""
    arguments.tensor(a, "clip", "a")
    low, high = arguments.number(low, "clip: low"), arguments.number(high, "clip: high")
    return record("clip", np.clip(a._array, low, high), (a,), low=low, high=high)


@gradient.rule("clip")
def _clip(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    x = node.inputs[0]._array
    inside = (x >= node.saved["low"]) & (x <= node.saved["high"])
    return (where(inside, gy, 0.0),)


@rules.gate("clip")
def _clip_gate(node: Node) -> Tensor:
    """1 where the derivative is, for a clip that rectifies: above the lower bound, not on it."""
    x = node.inputs[0]._array
    return Tensor(((x > node.saved["low"]) & (x <= node.saved["high"])).astype(x.dtype))


def clamp(x: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """x, at least `min` and at most `max`: numbers or Tensors that broadcast; one may be missing.

    The derivative with respect to x is 1 within the bounds and on them, 0 at NaN; that with respect
    to a bound is 1 where it is the result and x is not. Where min > max the result is max.
    ValueError without a bound.
    """
    arguments.tensor(x, "clamp", "x")
    if min is None and max is None:
        raise ValueError("clamp: takes at least one of min and max, got neither")
    low, high = _bound(min, -np.inf, "min"), _bound(max, np.inf, "max")
    if isinstance(low, float) and isinstance(high, float):
        return clip(x, low, high)
    x, least = as_tensors(x, low, "clamp")
    x, most = as_tensors(x, high, "clamp")
    as_tensors(least, most, "clamp")
    data = np.minimum(np.maximum(x._array, least._array), most._array)
    return record("clamp", data, (x, least, most))


def _bound(value: Operand | None, missing: float, name: str) -> Tensor | float:
    if isinstance(value, Tensor):
        return value
    return missing if value is None else arguments.number(value, f"clamp: {name}")


@gradient.rule("clamp")
def _clamp(node: Node, gy: Tensor, needs: Needs) -> Cotangents:
    x, low, high = node.inputs
    a, least, most = x._array, low._array, high._array
    masks = (a >= least) & (a <= most), (a < least) & (least < most), (a > most) | (most < least)
    return tuple(
        sum_to(where(mask, gy, 0.0), t.shape) if need else None
        for mask, t, need in zip(masks, node.inputs, needs, strict=True)
    )


def eq(a: Operand, b: Operand) -> Any:
    """a = b elementwise with broadcasting: an array of bool, off the tape."""
    return _compared(np.equal, a, b, "eq")


def ne(a: Operand, b: Operand) -> Any:
    """a != b elementwise with broadcasting: an array of bool, off the tape."""
    return _compared(np.not_equal, a, b, "ne")


def lt(a: Operand, b: Operand) -> Any:
    """a < b elementwise with broadcasting: an array of bool, off the tape."""
    return _compared(np.less, a, b, "lt")


def le(a: Operand, b: Operand) -> Any:
    """a <= b elementwise with broadcasting: an array of bool, off the tape."""
    return _compared(np.less_equal, a, b, "le")


def gt(a: Operand, b: Operand) -> Any:
    """a > b elementwise with broadcasting: an array of bool, off the tape."""
    return _compared(np.greater, a, b, "gt")


def ge(a: Operand, b: Operand) -> Any:
    """a >= b elementwise with broadcasting: an array of bool, off the tape."""
    return _compared(np.greater_equal, a, b, "ge")


def _compared(comparison: np.ufunc, a: Operand, b: Operand, operation: str) -> Any:
    left, right = as_tensors(a, b, operation)
    return comparison(left._array, right._array)
