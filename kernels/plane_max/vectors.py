"""Maximum of every plane and its place, in one pass over memory with vectors of channels.

    y[n,c] = x[n,c,h,w], the first for which no other is larger;   place = h W + w

Each float32 element takes one comparison and 4 bytes read: memory is the limit. A thread processes
a whole image and keeps the maximum of every channel.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.registry import kernel


def has_pixels(shape: tuple[int, ...]) -> bool:
    """A plane without pixels has no maximum."""
    return len(shape) == 4 and 0 not in shape[2:]


@kernel("plane_max", name="vectors", supports=has_pixels, cost=lambda shape: math.prod(shape) / 2)
def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W) -> (values (N,C), places (N,C) int32)."""
    N, C, H, W = x.shape
    pixels = memory.nhwc(x).reshape(N, H * W, C)  # (N,H,W,C) -> (N,HW,C)
    values, places = memory.empty((N, C), x.dtype), memory.empty((N, C), np.int32)
    _maxima(pixels, values, places)
    return values, places


@entry_point(parallel=True)
def _maxima(pixels, values, places):  # type: ignore[no-untyped-def]
    N, count, C = pixels.shape
    for n in numba.prange(N):
        # Of this thread alone, so that the loop over channels is one over vectors.
        best, at = np.empty(C, pixels.dtype), np.zeros(C, np.int32)
        for c in range(C):
            best[c] = pixels[n, 0, c]
        for i in range(1, count):
            here = np.int32(i)
            for c in range(C):
                value, before, place = pixels[n, i, c], best[c], at[c]
                larger = value > before
                best[c] = value if larger else before
                at[c] = here if larger else place
        for c in range(C):
            values[n, c] = best[c]
            places[n, c] = at[c]
