"""Dropout with a mask that any device or process can draw again."""

from __future__ import annotations

import math

import numpy as np

import kernels
from minidl.functional.arithmetic import multiply
from minidl.tensor import Tensor


def dropout_mask(
    shape: tuple[int, ...], p: float, *, seed: int, step: int, stream: int = 0
) -> np.ndarray:
    """Which elements stay: bool of `shape`, each False with probability p.

    Element i, in row-major order whatever the memory's, stays where word i of Philox 4x32-10 under
    (seed, step, stream) is at least p 2^32. Give each layer a stream of its own. ValueError unless
    0 <= p <= 1.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout_mask: p must be from 0 to 1, got {p}")
    kernel = kernels.pick("random_bits", "cpu", shape)
    words = kernel(math.prod(shape), seed=seed, step=step, stream=stream)
    return (words >= round(p * 2**32)).reshape(shape)  # (count,) -> shape


def dropout(
    x: Tensor, p: float = 0.5, *, seed: int, step: int, stream: int = 0, training: bool = True
) -> Tensor:
    """x with elements zeroed with probability p, the others times 1 / (1 - p); x if not training.

    The same seed, step and stream give the same mask. ValueError unless 0 <= p < 1.
    """
    if not 0 <= p < 1:
        raise ValueError(f"dropout: p must be at least 0 and below 1, got {p}")
    if not training or p == 0:
        return x
    mask = dropout_mask(x.shape, p, seed=seed, step=step, stream=stream)
    return multiply(x, Tensor(mask.astype(x.dtype) * x.dtype.type(1 / (1 - p))))
