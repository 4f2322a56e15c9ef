"""The machine's limits, measured: the rates of a large matrix product and of copies.

The arithmetic limit is the rate of a large float32 matrix product (`gemm.py`, 2 M N K operations);
an algorithm with fewer operations than the definition can pass it. The limit of memory and caches
is a copy on the same threads, bytes read plus bytes written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba
import numpy as np

from kernels.contract import threads
from kernels.cpu.gemm import gemm

REPEATS = 5
LEAST_SECONDS = 0.2
LEAST_MOVED = 1 << 26
"""Bytes of one measurement: small copies are repeated."""


def matmul_rate(side: int) -> float:
    """GFLOP/s of the product of two float32 matrices of side x side."""
    a, b = np.random.default_rng(0).standard_normal((2, side, side), np.float32)
    out = np.empty_like(a)
    return 2 * side**3 / _best(lambda: gemm(a, b, out)) / 1e9


def copy_rate(moved: int) -> float:
    """GB/s of a copy that reads half of so many bytes and writes the other half."""
    team = threads.get_num_threads()
    source = np.ones((team, moved // (8 * team)), np.float32)
    target = np.zeros_like(source)
    often = max(1, LEAST_MOVED // moved)
    bytes_a_run = 4 * often * source.nbytes  # there and back, read and written
    return bytes_a_run / _best(lambda: _copy(source, target, often, np.float32(1))) / 1e9


def _best(run: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs: a limit is what was reached undisturbed."""
    found: list[float] = []
    with threads.region():
        run()
        until = time.perf_counter() + LEAST_SECONDS
        while len(found) < REPEATS or time.perf_counter() < until:
            began = time.perf_counter()
            run()
            found.append(time.perf_counter() - began)
    return min(found)


@numba.njit(parallel=True, cache=True)
def _copy(source, target, often, one):  # type: ignore[no-untyped-def]
    """Each thread copies its own row (threads,n) there and back, so that caches keep it.

    The factor of 1 is the caller's: a compiler that knew it would leave out every way back.
    """
    for row in numba.prange(source.shape[0]):
        for _ in range(often):
            for i in range(source.shape[1]):
                target[row, i] = one * source[row, i]
            for i in range(source.shape[1]):
                source[row, i] = one * target[row, i]
