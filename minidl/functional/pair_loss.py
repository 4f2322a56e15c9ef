"""Losses of two tensors of one shape: smooth L1, Huber, cross-entropy, KL divergence."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.functional import arguments
from minidl.functional.arithmetic import log, where
from minidl.functional.elementary import absolute, exp
from minidl.functional.extremes import maximum
from minidl.functional.loss import _difference, _plainly
from minidl.functional.reduction import sum as total
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

REDUCTIONS = ("none", "mean", "sum", "batchmean")
LEAST_LOG = -100.0
"""Of binary cross-entropy, as in PyTorch: log 0 would make the loss infinite."""
LEAST_VARIANCE = 1e-12
"""Of its derivative's denominator, as in PyTorch."""


def smooth_l1_loss(x: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere, d = x - target (Girshick 2015)."""
    beta = arguments.number(beta, "smooth_l1_loss: beta")
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    d = absolute(_difference(x, target, "smooth_l1_loss"))
    if beta == 0:
        return _plainly(d, reduction, "smooth_l1_loss")
    each = where(d._array < beta, d * d * (0.5 / beta), d - 0.5 * beta)
    return _plainly(each, reduction, "smooth_l1_loss")


def huber_loss(x: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """d^2 / 2 where |d| < delta, delta (|d| - delta / 2) elsewhere, d = x - target (Huber 1964)."""
    delta = arguments.number(delta, "huber_loss: delta")
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, got {delta}")
    d = absolute(_difference(x, target, "huber_loss"))
    each = where(d._array < delta, d * d * 0.5, (d - 0.5 * delta) * delta)
    return _plainly(each, reduction, "huber_loss")


def binary_cross_entropy(
    x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-target log x - (1 - target) log(1 - x), of probabilities x; logarithms are at least -100.

    ValueError for an x outside of [0, 1]. `binary_cross_entropy_with_logits` is more precise.
    """
    what = "binary_cross_entropy"
    _difference(x, target, what)
    if not ((x._array >= 0) & (x._array <= 1)).all():
        raise ValueError(f"{what}: x must be probabilities, from 0 to 1; sigmoid makes them")
    with np.errstate(divide="ignore"):
        logs = [np.maximum(np.log(p), LEAST_LOG) for p in (x._array, 1 - x._array)]
    data = -(target._array * logs[0] + (1 - target._array) * logs[1])
    each = record("binary_cross_entropy", data.astype(x.dtype, copy=False), (x, target))
    if weight is not None:
        arguments.tensor(weight, what, "weight")
        each = each * weight
    return _plainly(each, reduction, what)


@gradient.rule("binary_cross_entropy")
def _binary_cross_entropy(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> Any:
    """To x: (x - target) / (x (1 - x)), the denominator at least 1e-12. To the target:
    log(1 - x) - log(x)."""
    x, target = node.inputs
    gx = gy * (x - target) / maximum(x * (1.0 - x), LEAST_VARIANCE) if needs[0] else None
    return gx, gy * (log(1.0 - x) - log(x)) if needs[1] else None


def kl_div(x: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target (log target - x), of log-probabilities x: the Kullback-Leibler divergence, in nats.

    reduction: "batchmean", the sum over the batch's size, is its mathematical definition; "mean"
               is over all elements. log_target: the target is of log-probabilities too.
    """
    _difference(x, target, "kl_div")
    arguments.one_of(reduction, REDUCTIONS, "kl_div: reduction")
    if arguments.flag(log_target, "kl_div: log_target"):
        each = exp(target) * (target - x)
    else:
        positive = target._array > 0
        logs = log(where(positive, target, 1.0))  # 0 log 0 is 0
        each = where(positive, target * logs, 0.0) - target * x
    if reduction == "batchmean":
        if x.ndim == 0 or x.shape[0] == 0:
            raise ValueError(f"kl_div: the shape {x.shape} has no batch to average over")
        return total(each) * (1 / x.shape[0])
    return _plainly(each, reduction, "kl_div")
