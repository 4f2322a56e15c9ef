"""Integers as classes and as rows: one-hot vectors, embeddings."""

from __future__ import annotations

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.arithmetic import where
from minidl.functional.shape import getitem
from minidl.tensor import Tensor, plain

MOST = 1 << 24
"""Largest number of classes of one-hot vectors."""


def one_hot(labels: Tensor | np.ndarray, num_classes: int = -1) -> Tensor:
    """int64 (...,C) with 1 at each label; C is one more than the largest label by default.

    ValueError for a label that is negative or not below C, TypeError for other than integers.
    """
    array = _integers(labels, "one_hot")
    least = int(array.max(initial=-1)) + 1
    C = arguments.integer(num_classes, "one_hot: num_classes", -1, MOST)
    C = least if C == -1 else C
    if array.size and (array.min() < 0 or least > C):
        raise ValueError(
            f"one_hot: labels from {array.min()} to {array.max()} do not fit {C} classes"
        )
    return plain((array[..., None] == np.arange(C)).astype(np.int64))  # (...,1) == (C,)


def embedding(
    indices: Tensor | np.ndarray, weight: Tensor, padding_idx: int | None = None
) -> Tensor:
    """The rows of weight (V,D) at the indices (...): (...,D).

    Row `padding_idx` gets no gradient.
    """
    arguments.tensor(weight, "embedding", "weight")
    array = _integers(indices, "embedding")
    V = weight.shape[0]
    if array.size and not 0 <= array.min() <= array.max() < V:
        raise ValueError(f"embedding: indices from {array.min()} to {array.max()} of {V} rows")
    rows = getitem(weight, array)
    if padding_idx is None:
        return rows
    padding = arguments.integer(padding_idx, "embedding: padding_idx", -V, V - 1) % V
    kept = np.broadcast_to((array != padding)[..., None], rows.shape)  # (...) -> (...,D)
    return where(device.like(kept, rows._array), rows, rows.detach())


def _integers(values: Tensor | np.ndarray, what: str) -> np.ndarray:
    if isinstance(values, Tensor):
        array = device.host(values._array)
    else:
        arguments.label_array(values, f"{what}: the integers")
        array = device.host(values) if device.is_array(values) else _listed(values, what)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what}: takes integers, got {array.dtype} {array.shape}")
    return array


def _listed(values: object, what: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, OverflowError):
        raise ValueError(f"{what}: takes integers, got {arguments.shown(values)}") from None
