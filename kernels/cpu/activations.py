"""Activation functions of one element, for compiled loops over float32 or float64.

`kernels/activation/elementwise.py` has their formulas and sources and applies them to whole arrays,
`epilogue.py` to results in cache: from one definition, so with the same bits.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.cpu.elementary import ONE, exp, normal

ZERO, THREE, SIX = np.float32(0), np.float32(3), np.float32(6)

_inlined = numba.njit(cache=True, inline="always")


@_inlined
def rectified(x):  # type: ignore[no-untyped-def]
    """max(x, 0); NaN stays NaN."""
    return x if not (x <= 0) else ZERO


@_inlined
def clipped(x, low, high):  # type: ignore[no-untyped-def]
    """x, at least `low` and at most `high`; NaN stays NaN."""
    return low if x < low else high if x > high else x


@_inlined
def leaky_relu(x, slope):  # type: ignore[no-untyped-def]
    return x if x > ZERO else slope * x


@_inlined
def sigmoid(x):  # type: ignore[no-untyped-def]
    return ONE / (ONE + exp(-x))


@_inlined
def silu(x):  # type: ignore[no-untyped-def]
    """By e^-|x|, which does not overflow: far below 0 the result is x e^x."""
    e = exp(-x if x > ZERO else x)
    return x * ((ONE if x > ZERO else e) / (ONE + e))


@_inlined
def gelu(x):  # type: ignore[no-untyped-def]
    return x * normal(x)


@_inlined
def hardsigmoid(x):  # type: ignore[no-untyped-def]
    t = x + THREE
    return (ZERO if t < ZERO else SIX if t > SIX else t) / SIX


@_inlined
def hardswish(x):  # type: ignore[no-untyped-def]
    t = x + THREE
    return x * ((ZERO if t < ZERO else SIX if t > SIX else t) / SIX)
