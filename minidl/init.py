"""Initial weights, and the paper's renormalisation of filters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kernels import pick_for
from kernels.contract import memory
from minidl.randomness import given_or_default


def normal(shape: Sequence[int], std: float, rng: np.random.Generator | None = None) -> np.ndarray:
    """Normally distributed weights in float32; 1e-2 in the paper (section 3).

    Without `rng` they are drawn from the generator that `minidl.manual_seed` seeds.
    """
    x = given_or_default(rng).standard_normal(tuple(shape), np.float32)
    x *= np.float32(std)
    return memory.cache_aligned(memory.canonicalise(x))


def he_normal(shape: Sequence[int], rng: np.random.Generator | None = None) -> np.ndarray:
    """Standard deviation sqrt(2 / fan-in) (He et al. 2015): keeps the scale through ReLUs."""
    return normal(shape, math.sqrt(2 / max(math.prod(shape[1:]), 1)), rng)


def renormalise_filters(weight: np.ndarray, max_rms: float = 0.1) -> None:
    """Scale every filter of (K,C,R,S) whose RMS exceeds `max_rms` back to it, in place.

    Zeiler and Fergus 2013, section 3: keeps a few filters from dominating the first layer.
    ValueError for another shape, TypeError for another type than float32 and float64; then nothing
    is changed. Of a weight in canonical memory nothing is allocated.
    """
    canonical = memory.canonicalise(weight)
    pick_for("renormalise", canonical, weight.shape)(canonical, max_rms=max_rms, out=canonical)
    if canonical is not weight:
        weight[...] = canonical
