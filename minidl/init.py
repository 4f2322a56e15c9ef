"""Initial weights, and the paper's renormalisation of filters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import kernels
from kernels.contract import memory
from kernels.cuda import renormalise as on_device


def normal(shape: Sequence[int], std: float, rng: np.random.Generator) -> np.ndarray:
    """Normally distributed weights in float32; 1e-2 in the paper (section 3)."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy.random.Generator, as numpy.random.default_rng(0) is, got {rng!r}"
        )
    x = rng.standard_normal(tuple(shape), np.float32)
    x *= np.float32(std)
    return memory.cache_aligned(memory.canonicalise(x))


def he_normal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Standard deviation sqrt(2 / fan-in) (He et al. 2015): keeps the scale through ReLUs."""
    return normal(shape, math.sqrt(2 / max(math.prod(shape[1:]), 1)), rng)


def renormalise_filters(weight: np.ndarray, max_rms: float = 0.1) -> int | None:
    """Scale every filter of (K,C,R,S) whose RMS exceeds `max_rms` back to it, in place.

    Zeiler and Fergus 2013, section 3: keeps a few filters from dominating the first layer.
    Returns the number of scaled filters; None on a GPU, where the number would have to be waited
    for.
    """
    if kernels.device_of(weight) == "cuda":
        on_device.renormalise(weight, max_rms)
        return None
    squares = np.einsum("kcrs,kcrs->k", weight, weight, dtype=np.float64)
    rms = np.sqrt(squares / max(math.prod(weight.shape[1:]), 1))
    over = rms > max_rms
    weight[over] *= (max_rms / rms[over]).astype(weight.dtype)[:, None, None, None]
    return int(over.sum())
