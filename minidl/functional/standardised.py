"""Layer, group and instance normalisation: elements minus their mean, over their deviation.

    y = (x - mean) / sqrt(variance + eps)          over some axes of x

The mean and then the variance, of x minus the rounded mean, are two passes; their sums are in
float64. Both errors of the mean, its rounding to x's type and that of the difference, are of an eps
of the largest |x|, as the input's own rounding.

`standardise` is one node. The weight and the bias are multiplied and added as any others, so that
each rule of a table sees them: the deconvnet passes the cotangent through the standardisation, as
through local contrast normalisation, and transposes the scale, as that of a batch normalisation.
Off the tape they are applied in place, with the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minidl import device
from minidl.backward_pass import backward
from minidl.functional import arguments
from minidl.functional.arithmetic import add, multiply
from minidl.functional.elementary import sqrt
from minidl.functional.reduction import mean
from minidl.functional.shape import reshape
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def layer_norm(
    x: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """x standardised over its last axes, times weight, plus bias (Ba, Kiros, Hinton 2016).

    normalized_shape: the sizes of these axes, as in PyTorch; weight and bias have this shape.
    ValueError if x's last axes have other sizes.
    """
    arguments.tensor(x, "layer_norm", "x")
    one = isinstance(normalized_shape, int | np.integer)
    what = "layer_norm: normalized_shape"
    shape = arguments.sizes((normalized_shape,) if one else normalized_shape, what)
    if not shape or x.shape[x.ndim - len(shape) :] != shape or len(shape) > x.ndim:
        raise ValueError(f"{what} {shape} must be the last sizes of x {x.shape}, at least one")
    eps = _epsilon(eps, "layer_norm")
    for name, each in (("weight", weight), ("bias", bias)):
        _check_scale(each, shape, x, f"layer_norm: {name}")
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    return _scaled(standardise(x, axes, eps), weight, bias)


def group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """x (N,C,...) standardised over each of `num_groups` groups of channels (Wu, He 2018).

    weight and bias are (C,). ValueError if the groups do not divide the channels.
    """
    C = _channels(x, "group_norm")
    groups = arguments.integer(num_groups, "group_norm: num_groups", least=1)
    if C % groups:
        raise ValueError(f"group_norm: num_groups {groups} must divide the channels of {x.shape}")
    eps = _epsilon(eps, "group_norm")
    for name, each in (("weight", weight), ("bias", bias)):
        _check_scale(each, (C,), x, f"group_norm: {name}")
    apart = reshape(x, (len(x), groups, C // groups, *x.shape[2:]))  # (N,C,...) -> (N,G,C/G,...)
    y = standardise(apart, tuple(range(2, apart.ndim)), eps)
    together = reshape(y, x.shape)  # (N,G,C/G,...) -> (N,C,...)
    return _scaled(together, *_by_channel(x, weight, bias))


def instance_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """x (N,C,...) standardised over each channel of each sample (Ulyanov et al. 2016).

    weight and bias are (C,). ValueError for planes of one element, as in PyTorch.
    """
    C = _channels(x, "instance_norm")
    if math.prod(x.shape[2:]) == 1:
        raise ValueError(f"instance_norm: a channel of x {x.shape} has one element, its own mean")
    eps = _epsilon(eps, "instance_norm")
    for name, each in (("weight", weight), ("bias", bias)):
        _check_scale(each, (C,), x, f"instance_norm: {name}")
    y = standardise(x, tuple(range(2, x.ndim)), eps)
    return _scaled(y, *_by_channel(x, weight, bias))


def standardise(x: Tensor, axes: Sequence[int], eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(variance + eps), mean and variance over `axes`.

    The variance is that of the elements, divided by their number. ValueError for no elements.
    """
    arguments.tensor(x, "standardise", "x")
    over = arguments.axes(axes, x.shape, "standardise: axes")
    eps = _epsilon(eps, "standardise")
    if math.prod(x.shape[a] for a in over) == 0 and x.shape[:1] != (0,):
        raise ValueError(f"standardise: the axes {over} of x {x.shape} have no elements")
    y, scale = _standardised(x._array, over, eps)
    return record("standardise", y, (x,), axes=over, eps=eps, y=y, scale=scale)


def _standardised(
    x: np.ndarray, axes: tuple[int, ...], eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """The result and 1 / sqrt(variance + eps), both of x's type."""
    count = max(math.prod(x.shape[a] for a in axes), 1)
    centre = _sum(x, axes) / count
    y = x - centre.astype(x.dtype)
    squares = _sum(y * y, axes)
    scale = (1 / np.sqrt(squares / count + eps)).astype(x.dtype)
    y *= scale
    return y, scale


def _sum(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sum over `axes` in float64, which stay with size 1.

    Of channels-last memory the pixels are added first, whole rows of channels at a time.
    """
    if len(axes) > 1 and not x.flags.c_contiguous:
        fastest = min(axes, key=lambda a: abs(x.strides[a]))
        others = tuple(a for a in axes if a != fastest)
        x, axes = x.sum(axis=others, keepdims=True, dtype=np.float64), (fastest,)
    total: np.ndarray = x.sum(axis=axes, keepdims=True, dtype=np.float64)
    return total


@gradient.rule("standardise")
def _standardise(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), axes, eps = node.inputs, node.saved["axes"], node.saved["eps"]
    if is_recording():
        composed = standardise_composed(x, axes, eps)
        return backward(composed, gy, inputs=(x,), create_graph=True)  # type: ignore[return-value]
    return (Tensor(_vjp(gy._array, node.saved["y"], node.saved["scale"], axes)),)


def _vjp(gy: np.ndarray, y: np.ndarray, scale: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """scale (gy - mean(gy) - y mean(gy y))."""
    count = max(math.prod(y.shape[a] for a in axes), 1)
    products = gy * y
    along, centre = _sum(products, axes) / count, _sum(gy, axes) / count
    np.multiply(y, along.astype(gy.dtype), out=products)
    gx: np.ndarray = gy - centre.astype(gy.dtype)
    gx -= products
    gx *= scale
    return gx


def standardise_composed(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """The same formula in Tensor functions."""
    v = x - mean(x, axes, keepdims=True)
    return v / sqrt(mean(v * v, axes, keepdims=True) + eps)


def _scaled(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """y, of which nobody else knows, times weight plus bias; in place if nothing is recorded."""
    if is_recording() and any(t is not None and t.requires_grad for t in (y, weight, bias)):
        y = y if weight is None else multiply(y, weight)
        return y if bias is None else add(y, bias)
    if weight is not None:
        np.multiply(y._array, weight._array, out=y._array)
    if bias is not None:
        np.add(y._array, bias._array, out=y._array)
    return y


def _by_channel(x: Tensor, *tensors: Tensor | None) -> list[Tensor | None]:
    """Each (C,) -> (C,1,...), which broadcasts along axis 1 of x."""
    shape = (-1, *(1,) * (x.ndim - 2))
    return [None if t is None else reshape(t, shape) for t in tensors]


def _channels(x: object, operation: str) -> int:
    arguments.tensor(x, operation, "x")
    assert isinstance(x, Tensor)
    if x.ndim < 2:
        raise ValueError(f"{operation}: x must have the axes (N, C, ...), got {x.shape}")
    return x.shape[1]


def _epsilon(eps: object, operation: str) -> float:
    found = arguments.number(eps, f"{operation}: eps")
    if not 0 <= found < math.inf:
        raise ValueError(f"{operation}: eps must be a number from 0 on, got {found}")
    return found


def _check_scale(t: Tensor | None, shape: tuple[int, ...], x: Tensor, what: str) -> None:
    """TypeError or ValueError unless t has this shape, and x's type and device."""
    if t is None:
        return
    if not isinstance(t, Tensor):
        raise TypeError(f"{what} must be a Tensor or None, got {arguments.shown(t)}")
    if t.shape != shape:
        raise ValueError(f"{what} {t.shape} does not fit x {x.shape}; it must be {shape}")
    if t.dtype != x.dtype:
        raise TypeError(f"{what} is of {t.dtype}, x of {x.dtype}; convert one")
    if type(t._array) is not type(x._array) and device.of(t._array) != device.of(x._array):
        raise ValueError(f"{what} is on {t.device!r}, x on {x.device!r}; move one with .to()")
