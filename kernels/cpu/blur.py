"""Gaussian blur of one map for each sample, and its transpose, for local contrast normalisation.

    blur(u)[n,h,w] = sum_p sum_q a_p a_q u[n,h+p,w+q] / coverage[h,w]

`a` is LCN's Gaussian; the coverage (1 with border "zero") makes up for what the window lacks at the
border. The window is an outer product, so each output row first sums the rows above and below it,
then slides along: 4 size operations per pixel instead of 2 size^2. float64 throughout.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.norm_geometry import LCNGeometry


def blur(u: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """u (N,H,W) float64 -> its weighted mean over the window, (N,H,W) float64."""
    out = _windowed(u, g)
    if g.border == "corrected":
        out /= _settings(g)[1]
    return out


def blur_transposed(gu: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """The transpose of `blur`: gu (N,H,W) float64 -> (N,H,W) float64."""
    # The window is symmetric, so sliding it is its own transpose.
    return _windowed(gu / _settings(g)[1] if g.border == "corrected" else gu, g)


def _windowed(u: np.ndarray, g: LCNGeometry) -> np.ndarray:
    out = memory.empty(u.shape, np.float64)
    _slide(u, _settings(g)[0], out)
    return out


@lru_cache(maxsize=64)
def _settings(g: LCNGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Window and coverage, kept: on a small plane they would take longer than the blur."""
    return g.window(), g.coverage()


@entry_point(parallel=True)
def _slide(u, window, out):  # type: ignore[no-untyped-def]
    N, H, W = u.shape
    size = window.size
    half = size // 2
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        line = np.zeros(W + 2 * half)  # zeros around it: the second sum needs no bounds
        for tap in range(max(0, half - h), min(size, half + H - h)):
            for w in range(W):
                line[half + w] += window[tap] * u[n, h + tap - half, w]
        out[n, h] = 0
        for tap in range(size):
            for w in range(W):
                out[n, h, w] += window[tap] * line[w + tap]
