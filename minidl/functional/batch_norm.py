"""Batch normalisation (Ioffe, Szegedy 2015): channels minus their mean, over their deviation.

    y = (x - mean) / sqrt(variance + eps) weight + bias       over the batch and all pixels

While training, mean and variance are the batch's. The gradient (section 3) needs two sums over the
batch, which are also the gradients of the bias and the weight:

    gb = sum gy,   gw = sum gy x^,   gx = weight / sqrt(variance + eps) (gy - gb / M - x^ gw / M)

with x^ the standardised x and M the elements of a channel. Of rows of C channels, x (1,M,C), it is
group normalisation with a group for each channel, whose kernels compute it. Otherwise the
statistics are fixed, and the layer is a scale and a shift of each channel, recorded as those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kernels import pick_for
from kernels.contract import memory
from kernels.contract.group_geometry import GroupNormGeometry
from minidl import device
from minidl.backward_pass import backward
from minidl.functional import arguments, batch_norm_of_parts
from minidl.functional.arithmetic import add, divide, multiply, subtract
from minidl.functional.channel_rows import planes_of, rows_of, sums_of
from minidl.functional.elementary import sqrt
from minidl.functional.reduction import mean
from minidl.functional.shape import reshape
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, plain, record

Needs = tuple[bool, ...]
NOTICED = 4
"""Roundings of 1 from which what is left of a mean in x's type is subtracted too."""


@dataclass(frozen=True)
class Statistics:
    """What the kernel of group normalisation saved, of rows (1,M,C) with a group for each channel:
    mean and 1 / sqrt(variance + eps), each (1,C) float64."""

    g: GroupNormGeometry
    saved: tuple[np.ndarray, np.ndarray]

    @property
    def mean(self) -> np.ndarray:
        """(C,)"""
        return self.saved[0][0]

    @property
    def scale(self) -> np.ndarray:
        """1 / sqrt(variance + eps), (C,)."""
        return self.saved[1][0]

    def rounding(self, dtype: np.dtype) -> np.ndarray:
        """The mean in the type, in which the kernel subtracts it, minus the mean (C,)."""
        return self.mean.astype(dtype) - self.mean

    def variance(self) -> np.ndarray:
        """(C,), of M elements."""
        return np.maximum(1 / self.scale**2 - self.g.eps, 0)


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """x (N,C,...) standardised channel by channel, times weight (C,), plus bias (C,).

    training: with the batch's mean and variance; the running ones, if given, are changed in place:
              running <- (1 - momentum) running + momentum batch, of the variance over M - 1.
              Within `batch_norm_of_parts.part_of_batch` the batch is that of all parts.
              Otherwise with the running ones, which must be given.
    ValueError for other shapes, and in training for fewer than two elements a channel.
    """
    C = _check(x, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    eps = arguments.number(eps, "batch_norm: eps")
    momentum = arguments.number(momentum, "batch_norm: momentum")
    if not 0 <= eps < math.inf:
        raise ValueError(f"batch_norm: eps must be a number from 0 on, got {eps}")
    if not arguments.flag(training, "batch_norm: training"):
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without training it needs running_mean and running_var")
        return _fixed(x, running_mean, running_var, weight, bias, eps)
    ones, zeros = (Tensor(np.full_like(x._array, v, shape=(C,))) for v in (1, 0))
    w, b = ones if weight is None else weight, zeros if bias is None else bias
    part = batch_norm_of_parts.current()
    if part is not None:
        y, shared = batch_norm_of_parts.normalise(x, w, b, eps, part)
        if part.leads:
            _update(running_mean, running_var, (shared.mean, shared.variance), shared.M, momentum)
        return y
    normalised, found = _of_whole(x, w, b, eps)
    _update(running_mean, running_var, (found.mean, found.variance()), found.g.L, momentum)
    return normalised


def _of_whole(x: Tensor, w: Tensor, b: Tensor, eps: float) -> tuple[Tensor, Statistics]:
    """x standardised by its own statistics, times weight, plus bias."""
    rows = rows_of(x._array)
    if len(rows) < 2:
        raise ValueError(
            f"batch_norm: x {x.shape} has {len(rows)} element in a channel, whose variance is no "
            "use in training; at least 2 are needed"
        )
    g = GroupNormGeometry.of((1, *rows.shape), rows.shape[1], eps)
    kernel = pick_for("group_norm", rows, g)
    (array,), saved = kernel(rows[None], g, weight=w._array, bias=b._array)  # (M,C) -> (1,M,C)
    found = Statistics(g, saved)
    off = found.rounding(x.dtype) * found.scale
    if (np.abs(off) > NOTICED * np.finfo(x.dtype).eps).any():
        array += (off * w._array).astype(x.dtype)
    planes = planes_of(array, x.shape)
    return record("batch_norm", planes, (x, w, b), eps=eps, rows=rows, found=found), found


def _update(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    found: tuple[np.ndarray, np.ndarray],
    M: float,
    momentum: float,
) -> None:
    """Move the running statistics towards a mean and a variance (C,) of M elements."""
    mean, variance = found
    for running, new in ((running_mean, mean), (running_var, variance * (M / (M - 1)))):
        if running is not None:
            old = running._array
            running.assign((old * (1 - momentum) + new * momentum).astype(old.dtype))


@gradient.rule("batch_norm")
def _batch_norm(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    x, weight, bias = node.inputs
    if is_recording():
        wanted = [t for t, need in zip(node.inputs, needs, strict=True) if need]
        composed = batch_norm_composed(x, weight, bias, node.saved["eps"])
        found = iter(backward(composed, gy, inputs=wanted, create_graph=True))
        return tuple(next(found) if need else None for need in needs)
    rows, found = rows_of(gy._array), node.saved["found"]
    gw, gb = _sums_with(rows, node.saved["rows"], found)
    gx = None
    if needs[0]:
        arrays = (array[None] for array in (rows, node.saved["rows"]))  # (M,C) -> (1,M,C)
        vjp = pick_for("group_norm_vjp", rows, found.g)
        (standard,) = vjp(*arrays, found.saved, found.g)  # (1,M,C) -> (M,C)
        standard *= weight._array
        gx = Tensor(planes_of(standard, x.shape))
    kept = (Tensor(g.astype(rows.dtype)) for g in (gw, gb))
    return gx, *(g if need else None for g, need in zip(kept, needs[1:], strict=True))


def _sums_with(gy: np.ndarray, x: np.ndarray, found: Statistics) -> tuple[np.ndarray, np.ndarray]:
    """The sums of gy x^ and of gy (C,) in float64.

    What rounding the mean to x's type leaves of it is subtracted from the sum.
    """
    products = np.subtract(x, found.mean.astype(x.dtype), out=memory.empty_like(x))
    products *= gy
    gb = sums_of(gy)
    return found.scale * (sums_of(products) + found.rounding(x.dtype) * gb), gb


def batch_norm_composed(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """The same formula in Tensor functions, for derivatives of higher order."""
    axes, apart = (0, *range(2, x.ndim)), (-1, *(1,) * (x.ndim - 2))
    v = subtract(x, mean(x, axes, keepdims=True))
    xhat = divide(v, sqrt(add(mean(multiply(v, v), axes, keepdims=True), eps)))
    return add(multiply(xhat, reshape(weight, apart)), reshape(bias, apart))  # (C,) -> (C,1,...)


def _fixed(
    x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None,
    eps: float,
) -> Tensor:  # fmt: skip
    """x scale + shift, the scale and the shift from fixed statistics."""
    apart = (-1, *(1,) * (x.ndim - 2))
    if not is_recording() or not any(t.requires_grad for t in (x, weight, bias) if t is not None):
        return plain(_fixed_arrays(x, mean, variance, weight, bias, eps))
    scale: Tensor = Tensor(1 / np.sqrt(variance._array + x.dtype.type(eps)))
    scale = scale if weight is None else multiply(scale, weight)
    shift = multiply(scale, Tensor(-mean._array))
    shift = shift if bias is None else add(shift, bias)
    y = multiply(x, reshape(scale, apart))  # (C,) -> (C,1,...)
    return add(y, reshape(shift, apart))


def fixed_scale(
    mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """The scale and the shift (C,) of fixed statistics, in their type."""
    scale: np.ndarray = 1 / np.sqrt(variance._array + variance.dtype.type(eps))
    if weight is not None:
        scale *= weight._array
    shift: np.ndarray = scale * -mean._array
    if bias is not None:
        shift += bias._array
    return scale, shift


def _fixed_arrays(
    x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None,
    eps: float,
) -> np.ndarray:  # fmt: skip
    """The same off the tape, with the same bits: a network in inference has many calls of it."""
    apart = (-1, *(1,) * (x.ndim - 2))
    scale, shift = fixed_scale(mean, variance, weight, bias, eps)
    y: np.ndarray = x._array * scale.reshape(apart)  # (C,) -> (C,1,...)
    y += shift.reshape(apart)  # (C,) -> (C,1,...)
    return y


def _check(x: object, **channelwise: Tensor | None) -> int:
    """The number of channels; an error for what does not fit x."""
    arguments.tensor(x, "batch_norm", "x")
    assert isinstance(x, Tensor)
    if x.ndim < 2 or math.prod(x.shape[1:]) == 0:
        raise ValueError(f"batch_norm: x must have the axes (N, C, ...), got {x.shape}")
    for name, t in channelwise.items():
        if t is None:
            continue
        arguments.tensor(t, "batch_norm", name)
        if t.shape != (x.shape[1],) or t.dtype != x.dtype:
            raise ValueError(
                f"batch_norm: {name} is {t.dtype} {t.shape}, x {x.dtype} {x.shape}; it must be "
                f"{x.dtype} ({x.shape[1]},)"
            )
        if type(t._array) is not type(x._array) and device.of(t._array) != device.of(x._array):
            raise ValueError(f"batch_norm: {name} is on {t.device!r}, x on {x.device!r}")
    return x.shape[1]
