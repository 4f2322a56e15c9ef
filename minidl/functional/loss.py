"""Losses, with PyTorch's names and arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.activation import log_softmax
from minidl.functional.arithmetic import log
from minidl.functional.elementary import absolute, exp
from minidl.functional.extremes import maximum
from minidl.functional.reduction import mean, sum
from minidl.functional.shape import getitem
from minidl.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")
Labels = Tensor | np.ndarray


def cross_entropy(
    logits: Tensor,
    labels: Labels,
    weight: Labels | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(logits)[label], in nats; a scalar for the reductions "mean" and "sum".

    logits (N,C) or (N,C,...), labels (N,) or (N,...) integers from 0 to C - 1, on the CPU whatever
    the logits' device; or shares of each class, floats of the logits' shape. Labels equal to
    `ignore_index` do not count. weight (C,) scales the classes' losses, and the mean is weighted.
    label_smoothing e: the labels' shares are 1 - e, and e / C for each class (Szegedy et al. 2016).
    ValueError for an empty batch, another shape or a label out of range.
    """
    arguments.tensor(logits, "cross_entropy", "logits")
    _check_reduction(reduction, "cross_entropy")
    ignore_index = arguments.integer(ignore_index, "cross_entropy: ignore_index")
    label_smoothing = arguments.number(label_smoothing, "cross_entropy: label_smoothing")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is from 0 to 1, got {label_smoothing}")
    target = _label_array(labels, "cross_entropy")
    if target.dtype.kind == "f" and target.shape == logits.shape:
        return _of_shares(logits, labels, weight, reduction, label_smoothing)
    _check_classes(logits, target, ignore_index, "cross_entropy")
    usual = weight is None and label_smoothing == 0 and logits.ndim == 2 and reduction == "mean"
    if usual and not (target == ignore_index).any():
        return -mean(getitem(log_softmax(logits), (np.arange(len(target)), target)))
    log_p = log_softmax(logits, 1)
    loss = nll_loss(log_p, target, weight, ignore_index, reduction)
    if label_smoothing == 0:
        return loss
    scales = _class_scales(logits, weight)
    uniform = -sum(log_p * _per_class(scales, logits), 1)  # (N,C,...) -> (N,...)
    spread = _reduced(
        uniform, target != ignore_index, _scale_of(scales, target, ignore_index), reduction
    )
    return loss * (1 - label_smoothing) + spread * (label_smoothing / logits.shape[1])


def nll_loss(
    log_probabilities: Tensor,
    labels: Labels,
    weight: Labels | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-log_probabilities[label]: those are (N,C) or (N,C,...), the rest as in `cross_entropy`."""
    x = log_probabilities
    arguments.tensor(x, "nll_loss", "log_probabilities")
    _check_reduction(reduction, "nll_loss")
    ignore_index = arguments.integer(ignore_index, "nll_loss: ignore_index")
    target = _label_array(labels, "nll_loss")
    _check_classes(x, target, ignore_index, "nll_loss")
    counted = target != ignore_index
    grid = np.ogrid[tuple(slice(n) for n in target.shape)]
    place = (grid[0], np.where(counted, target, 0), *grid[1:])
    scales = _scale_of(_class_scales(x, weight), target, ignore_index)
    picked = -getitem(x, place) * _like(scales, x)
    return _reduced(picked, counted, scales, reduction)


def mse_loss(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(x - target)^2, of equal shapes."""
    difference = _difference(x, target, "mse_loss")
    return _plainly(difference * difference, reduction, "mse_loss")


def l1_loss(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|x - target|, of equal shapes."""
    return _plainly(absolute(_difference(x, target, "l1_loss")), reduction, "l1_loss")


def binary_cross_entropy_with_logits(
    x: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-target log sigmoid(x) - (1 - target) log(1 - sigmoid(x)), of equal shapes, in nats.

    Written so that large |x| do not overflow: max(x, 0) - x target + log(1 + e^-|x|).
    """
    what = "binary_cross_entropy_with_logits"
    _difference(x, target, what)
    for name, t in (("weight", weight), ("pos_weight", pos_weight)):
        if t is not None:
            arguments.tensor(t, what, name)
    rest = log(exp(-absolute(x)) + 1.0)
    if pos_weight is None:
        loss = maximum(x, 0.0) - x * target + rest
    else:
        factor = (pos_weight - 1.0) * target + 1.0
        loss = (1.0 - target) * x + factor * (rest + maximum(-x, 0.0))
    return _plainly(loss if weight is None else loss * weight, reduction, what)


def _of_shares(
    logits: Tensor, labels: Labels, weight: Labels | None, reduction: str, smoothing: float
) -> Tensor:
    """Cross-entropy with shares of the classes, of the logits' shape; the mean is over N."""
    shares = labels if isinstance(labels, Tensor) else Tensor(_like(labels, logits)._array)
    if smoothing:
        shares = shares * (1 - smoothing) + smoothing / logits.shape[1]
    scaled = shares * _per_class(_class_scales(logits, weight), logits)
    each = -sum(log_softmax(logits, 1) * scaled, 1)
    if reduction == "none":
        return each
    return sum(each) if reduction == "sum" else sum(each) * (1 / max(each.numel(), 1))


def _class_scales(x: Tensor, weight: Labels | None) -> np.ndarray:
    """(C,) on the CPU, ones without a weight."""
    if weight is None:
        return np.ones(x.shape[1], x.dtype)
    array = weight._array if isinstance(weight, Tensor) else weight
    arguments.array(array, "weight of the classes")
    scales = device.host(array)
    if scales.dtype.kind not in "biuf":
        raise TypeError(f"weight of the classes must be of numbers, got {scales.dtype}")
    if scales.shape != x.shape[1:2]:
        raise ValueError(
            f"weight {scales.shape} must have one value for each of {x.shape[1]} classes"
        )
    return scales.astype(x.dtype, copy=False)


def _per_class(scales: np.ndarray, x: Tensor) -> Tensor:
    return _like(scales.reshape(-1, *(1,) * (x.ndim - 2)), x)  # (C,) -> (C,1,...)


def _scale_of(scales: np.ndarray, target: np.ndarray, ignore_index: int) -> np.ndarray:
    """The scale of each label, 0 for those that do not count."""
    counted = target != ignore_index
    return np.where(counted, scales[np.where(counted, target, 0)], 0).astype(scales.dtype)


def _reduced(each: Tensor, counted: np.ndarray, scales: np.ndarray, reduction: str) -> Tensor:
    """The losses of the labels that count, summed, averaged by their scales, or one by one."""
    kept = each if counted.all() else each * _like(counted.astype(each.dtype), each)
    if reduction == "none":
        return kept
    total = sum(kept)
    with np.errstate(divide="ignore"):  # nothing counts: the mean is NaN, as in PyTorch
        share = float(np.float64(1) / scales.sum(dtype=np.float64))
    return total if reduction == "sum" else total * share


def _plainly(each: Tensor, reduction: str, what: str) -> Tensor:
    _check_reduction(reduction, what)
    return each if reduction == "none" else mean(each) if reduction == "mean" else sum(each)


def _difference(x: Tensor, target: Tensor, what: str) -> Tensor:
    arguments.tensor(x, what, "x")
    arguments.tensor(target, what, "target")
    if x.shape != target.shape:
        raise ValueError(
            f"{what}: x {x.shape} and target {target.shape} must be of one shape; they are not "
            "broadcast"
        )
    return x - target


def _like(values: Any, x: Tensor) -> Tensor:
    """The values as a tensor of x's type, on x's device."""
    return Tensor(device.like(np.asarray(values).astype(x.dtype, copy=False), x._array))


def _label_array(labels: Any, what: str) -> np.ndarray:
    if isinstance(labels, Tensor):
        return device.host(labels._array)
    arguments.label_array(labels, f"{what}: labels")
    return device.host(labels) if device.is_array(labels) else np.asarray(labels)


def _check_classes(x: Tensor, labels: np.ndarray, ignore_index: int, what: str) -> None:
    if x.ndim < 2 or labels.shape != (x.shape[0], *x.shape[2:]):
        raise ValueError(
            f"{what}: logits {x.shape} and labels {labels.shape} do not fit; expected "
            "(N, C) and (N,)"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"{what}: labels must be integers, got {labels.dtype}")
    if labels.size == 0:
        raise ValueError(f"{what}: the batch is empty; its mean loss is not defined")
    real, C = labels[labels != ignore_index], x.shape[1]
    if real.size and (real.min() < 0 or real.max() >= C):
        raise ValueError(f"{what}: labels from {real.min()} to {real.max()} do not fit {C} classes")


def _check_reduction(reduction: object, what: str) -> None:
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        shown = arguments.shown(reduction)
        raise ValueError(f"{what}: reduction is one of {', '.join(REDUCTIONS)}, got {shown}")
