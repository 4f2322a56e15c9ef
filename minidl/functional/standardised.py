"""Layer, group and instance normalisation: elements minus their mean, over their deviation.

    y = (x - mean) / sqrt(variance + eps)          over some axes of x

The kernel is that of group normalisation, for x as it lies in memory (`arranged_groups.py`); its
sums are in float64. Both errors of the mean, its rounding to x's type and that of the difference,
are of an eps of the largest |x|, as the input's own rounding.

`standardise` is one node. The weight and the bias are multiplied and added as any others, so that
each rule of a table sees them: the deconvnet passes the cotangent through the standardisation, as
through local contrast normalisation, and transposes the scale, as that of a batch normalisation.
Off the tape the kernel applies them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import kernels
from minidl import device
from minidl.backward_pass import backward
from minidl.functional import arguments
from minidl.functional.arithmetic import add, multiply
from minidl.functional.arranged_groups import arranged
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
    _check_elements(x, axes)
    return _affine(x, axes, eps, weight, bias, axes)


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
    axes = tuple(range(2, apart.ndim))
    _check_elements(apart, axes)
    y = _affine(apart, axes, eps, weight, bias, (1, 2))
    return reshape(y, x.shape)  # (N,G,C/G,...) -> (N,C,...)


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
    axes = tuple(range(2, x.ndim))
    _check_elements(x, axes)
    return _affine(x, axes, eps, weight, bias, (1,))


def standardise(x: Tensor, axes: Sequence[int], eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(variance + eps), mean and variance over `axes`.

    The variance is that of the elements, divided by their number. ValueError for no elements.
    """
    arguments.tensor(x, "standardise", "x")
    over = arguments.axes(axes, x.shape, "standardise: axes")
    eps = _epsilon(eps, "standardise")
    _check_elements(x, over)
    return _affine(x, over, eps)


def _check_elements(x: Tensor, axes: tuple[int, ...]) -> None:
    if math.prod(x.shape[a] for a in axes) == 0 and x.shape[:1] != (0,):
        raise ValueError(f"standardise: the axes {axes} of x {x.shape} have no elements")


def _affine(
    x: Tensor,
    axes: tuple[int, ...],
    eps: float,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    along: tuple[int, ...] = (),
) -> Tensor:
    """x standardised over `axes`, times weight, plus bias, which lie along the axes `along`.

    If nothing is recorded they are applied by the kernel, where its channels are these axes, or in
    place. On the tape they are nodes of their own.
    """
    stored = arranged(x._array, axes, eps, along)
    recorded = is_recording() and any(t is not None and t.requires_grad for t in (x, weight, bias))
    fused = not recorded and stored.channels_are(along, x.shape)
    options = {"weight": weight, "bias": bias} if fused else {}
    given = {k: t._array.reshape(-1) for k, t in options.items() if t is not None}  # (C,)
    data = stored.brought(x._array)
    y, saved = kernels.pick_for("group_norm", data, stored.g)(data, stored.g, **given)
    result = stored.back(y, x.shape)
    if fused:
        return Tensor(result)
    z = record("standardise", result, (x,), axes=axes, eps=eps, stored=stored, saved=saved)
    shape = tuple(n if a in along else 1 for a, n in enumerate(x.shape))
    if not recorded:
        return _scaled_in_place(z, weight, bias, shape)
    z = z if weight is None else multiply(z, reshape(weight, shape))  # along -> x's axes
    return z if bias is None else add(z, reshape(bias, shape))


def _scaled_in_place(
    z: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]
) -> Tensor:
    """z, of which nobody else knows, times weight plus bias, along the axes of `shape`."""
    if weight is not None:
        np.multiply(z._array, weight._array.reshape(shape), out=z._array)
    if bias is not None:
        np.add(z._array, bias._array.reshape(shape), out=z._array)
    return z


@gradient.rule("standardise")
def _standardise(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), axes, eps = node.inputs, node.saved["axes"], node.saved["eps"]
    if is_recording():
        composed = standardise_composed(x, axes, eps)
        return backward(composed, gy, inputs=(x,), create_graph=True)  # type: ignore[return-value]
    stored = node.saved["stored"]
    arrays = stored.brought(gy._array), stored.brought(x._array)
    kernel = kernels.pick_for("group_norm_vjp", arrays[1], stored.g)
    return (Tensor(stored.back(kernel(*arrays, node.saved["saved"], stored.g), x.shape)),)


def standardise_composed(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """The same formula in Tensor functions."""
    v = x - mean(x, axes, keepdims=True)
    return v / sqrt(mean(v * v, axes, keepdims=True) + eps)


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
