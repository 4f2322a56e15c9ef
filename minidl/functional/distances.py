"""Norms of vectors: unit length, unit mean square, angles, distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.functional import arguments
from minidl.functional.arithmetic import divide, power
from minidl.functional.elementary import absolute, sqrt
from minidl.functional.extremes import maximum
from minidl.functional.reduction import amax, mean
from minidl.functional.reduction import sum as total
from minidl.tensor import Tensor


def norm(x: Tensor, p: float, axis: int, keepdim: bool) -> Tensor:
    """(sum of |x|^p)^(1/p) along an axis."""
    if p == float("inf"):
        return amax(absolute(x), axis, keepdim)
    if p == 1:
        return total(absolute(x), axis, keepdim)
    if p == 2:
        return sqrt(total(x * x, axis, keepdim))
    return power(total(power(absolute(x), p), axis, keepdim), 1 / p)


def normalize(x: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x over its p-norm along `dim`, or over eps where that is smaller."""
    arguments.tensor(x, "normalize", "x")
    p = _order(p, "normalize")
    axis = arguments.axis(dim, x.shape, "normalize: dim")
    return divide(x, maximum(norm(x, p, axis, True), arguments.number(eps, "normalize: eps")))


def cosine_similarity(a: Tensor, b: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between the vectors along `dim`; each norm is at least eps.

    The operands broadcast.
    """
    for tensor, name in ((a, "a"), (b, "b")):
        arguments.tensor(tensor, "cosine_similarity", name)
    least = arguments.number(eps, "cosine_similarity: eps")
    product = a * b
    axis = arguments.axis(dim, product.shape, "cosine_similarity: dim")
    back = axis - product.ndim
    lengths = [maximum(norm(t, 2.0, _axis(t, back), True), least) for t in (a, b)]
    return total(product / (lengths[0] * lengths[1]), axis)


def _axis(x: Tensor, back: int) -> int:
    if -back > x.ndim:
        raise ValueError(f"cosine_similarity: the shape {x.shape} has no axis {back}")
    return x.ndim + back


def pairwise_distance(
    a: Tensor, b: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of a - b + eps along the last axis."""
    for tensor, name in ((a, "a"), (b, "b")):
        arguments.tensor(tensor, "pairwise_distance", name)
    p = _order(p, "pairwise_distance")
    kept = arguments.flag(keepdim, "pairwise_distance: keepdim")
    difference = a - b + arguments.number(eps, "pairwise_distance: eps")
    arguments.axis(-1, difference.shape, "pairwise_distance: the last axis")
    return norm(difference, p, difference.ndim - 1, kept)


def _order(p: float, what: str) -> float:
    order = arguments.number(p, f"{what}: p")
    if not order > 0:
        raise ValueError(f"{what}: p must be above 0, got {order}")
    return order


def rms_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean of x^2 + eps) over the last axes, times weight (Zhang, Sennrich 2019).

    eps is the type's by default, 1.2e-7 in float32.
    """
    arguments.tensor(x, "rms_norm", "x")
    shape = arguments.sizes(normalized_shape, "rms_norm: normalized_shape")
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(f"rms_norm: the last axes of {x.shape} are not {shape}")
    least = float(np.finfo(x.dtype).eps) if eps is None else arguments.number(eps, "rms_norm: eps")
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    y = x / sqrt(mean(x * x, axes, True) + least)
    if weight is None:
        return y
    arguments.tensor(weight, "rms_norm", "weight")
    if weight.shape != shape:
        raise ValueError(f"rms_norm: weight {weight.shape} must be of the shape {shape}")
    return y * weight
