"""Least time of a call on this machine: bytes that must be moved, operations that must be done.

A time below it was not measured on the work that was asked for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import defined as count
from kernels.verify.calls import Call

LARGEST_TILE = 8
"""m of Winograd's F(m x m, r x r): the cheapest algorithm in use; larger m are inaccurate."""
COPIES = 64
SLACK = 0.7
"""Of the least time: peaks are measured too, and may be measured too low."""


@dataclass(frozen=True)
class Peaks:
    """The machine's rates as measured just now: float32 operations, and copied bytes, a second."""

    operations: float
    bytes: float


@lru_cache(maxsize=1)
def peaks() -> Peaks:
    """The rates of a large matrix product by BLAS, and of a copy in the second-level cache."""
    a = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    product = _best(lambda: a @ a, 8)
    small = np.zeros(1 << 15, np.float32)
    into = np.empty_like(small)

    def copy() -> None:
        for _ in range(COPIES):
            np.copyto(into, small)

    copied = _best(copy, 16) / COPIES
    return Peaks(2 * 1024**3 / product, 2 * small.nbytes / copied)


def _best(call: Any, times: int) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best


def least_seconds(call: Call, results: int) -> float:
    """Seconds that a call takes at least; `results` are the bytes that it returns."""
    moved = sum(a.nbytes for a in call.arrays.values()) + results
    rates = peaks()
    # Two cores' caches together, and operands that overlap in time with the products.
    return SLACK * max(moved / (4 * rates.bytes), operations(call) / rates.operations)


def operations(call: Call) -> float:
    """Operations of the cheapest known algorithm."""
    defined = float(count(call.operation, call.g))
    if call.operation in ("matmul", "batched_matmul"):
        return defined / 2  # Strassen's algorithm, some levels deep
    return defined / saving(call.g) if isinstance(call.g, ConvGeometry) else 0.0


def saving(g: ConvGeometry) -> float:
    """Products of the definition to those of Winograd's algorithm, for windows that it serves."""
    return float(np.prod([_saved(size) for size in (g.R, g.S)]))


def _saved(size: int) -> float:
    """m r products by m + r - 1 (Winograd 1980)."""
    return LARGEST_TILE * size / (LARGEST_TILE + size - 1)
