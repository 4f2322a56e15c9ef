"""Planes as rows of channels, (N,C,...) as (M,C), and sums over the rows."""

from __future__ import annotations

import numpy as np

from kernels.contract import memory

GROUP = 128
"""Rows that are added in their own type."""


def rows_of(x: np.ndarray) -> np.ndarray:
    """(N,C,...) -> (M,C), of which the channels are contiguous."""
    if x.ndim == 2:
        return x
    x = memory.canonicalise(x) if x.ndim == 4 else x
    last = x.transpose(0, *range(2, x.ndim), 1)  # (N,C,...) -> (N,...,C)
    return last.reshape(-1, x.shape[1])  # (N,...,C) -> (M,C)


def planes_of(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(M,C) -> (N,C,...), a view."""
    N, C, *pixels = shape
    last = rows.reshape(N, *pixels, C)  # (M,C) -> (N,...,C)
    return last.transpose(0, last.ndim - 1, *range(1, last.ndim - 1))  # (N,...,C) -> (N,C,...)


def sums_of(rows: np.ndarray) -> np.ndarray:
    """The sums of the columns in float64: (M,C) -> (C,)."""
    whole = len(rows) // GROUP * GROUP
    if rows.dtype == np.float64 or not whole:
        return rows.sum(axis=0, dtype=np.float64)
    groups = rows[:whole].reshape(-1, GROUP, rows.shape[1]).sum(axis=1)  # (M,C) -> (M/G,G,C)
    return groups.sum(axis=0, dtype=np.float64) + rows[whole:].sum(axis=0, dtype=np.float64)
