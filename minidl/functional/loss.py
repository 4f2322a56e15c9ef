"""Losses."""

from __future__ import annotations

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.activation import log_softmax
from minidl.functional.reduction import mean
from minidl.functional.shape import getitem
from minidl.tensor import Tensor


def cross_entropy(logits: Tensor, labels: np.ndarray) -> Tensor:
    """The mean over the batch of -log softmax(logits)[label], a scalar in nats.

    logits (N,C), labels (N,) integers from 0 to C - 1, on the CPU whatever the logits' device.
    ValueError for an empty batch, another shape or a label out of range.
    """
    arguments.tensor(logits, "cross_entropy", "logits")
    arguments.label_array(labels, "cross_entropy: labels")
    labels = labels if device.is_array(labels) else np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"cross_entropy: logits {logits.shape} and labels {labels.shape} do not fit; expected "
            "(N, C) and (N,)"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"cross_entropy: labels must be integers, got {labels.dtype}")
    N, C = logits.shape
    if N == 0:
        raise ValueError("cross_entropy: the batch is empty; its mean loss is not defined")
    if labels.min() < 0 or labels.max() >= C:
        raise ValueError(
            f"cross_entropy: labels from {labels.min()} to {labels.max()} do not fit {C} classes"
        )
    return -mean(getitem(log_softmax(logits), (np.arange(N), labels)))
