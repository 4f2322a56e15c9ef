"""Filters scaled back to a largest root mean square, each in one pass over memory.

    w[k] <- w[k] min(1, max_rms / rms[k]),    rms[k] = sqrt(sum over c,r,s of w[k,c,r,s]^2 / size)

Zeiler and Fergus 2013, section 3: it keeps a few filters from dominating the first layer. A filter
is read once, and scaled while it is in cache if its rms is too large: 4 to 12 bytes and up to 3
operations per weight in float32, bound by memory. Squares are added in float64 to LANES sums, one
for each remainder of the place modulo LANES, and these in halves: that order does not depend on
vectors or threads, and the kernel for CUDA has the same one.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.in_place import to_change
from kernels.contract.registry import kernel

LANES = 256
"""Sums of a filter, a power of two."""


def has_filters(shape: tuple[int, ...]) -> bool:
    """Filters are (K,C,R,S)."""
    return len(shape) == 4


@kernel(
    "renormalise",
    name="one_pass",
    into=True,
    supports=has_filters,
    cost=lambda shape: math.prod(shape),
)
def scale(w: np.ndarray, *, max_rms: float, out: np.ndarray | None = None) -> np.ndarray:
    """w (K,C,R,S) with no filter's rms above `max_rms`; with out=w in place.

    A filter whose rms is NaN stays as it is. The factor is rounded to the type of w.
    """
    (new,) = to_change((w,), None if out is None else (out,), "renormalise")
    if new.size:
        # (K,C,R,S) -> (K,CRS), the same memory
        _scale_filters(memory.nhwc(new).reshape(len(new), -1), float(max_rms))
    return new


@entry_point(parallel=True)
def _scale_filters(filters, max_rms):  # type: ignore[no-untyped-def]
    K, size = filters.shape
    for k in numba.prange(K):
        rms = np.sqrt(_squares(filters, k) / size)
        if rms > max_rms:  # not of a NaN
            factor = filters.dtype.type(max_rms / rms)
            for i in range(size):
                filters[k, i] *= factor


@subroutine
def _squares(filters, k):  # type: ignore[no-untyped-def]
    """The sum of the squares of filter k, in float64."""
    size, sums = filters.shape[1], np.zeros(LANES)
    for first in range(0, size, LANES):
        for i in range(min(LANES, size - first)):
            value = np.float64(filters[k, first + i])
            sums[i] += value * value
    half = LANES // 2
    while half > 0:
        for i in range(half):
            sums[i] += sums[i + half]
        half //= 2
    return sums[0]
