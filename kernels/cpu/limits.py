"""Measured limits of the machine: peak arithmetic of a product, bandwidth of a copy.

The arithmetic peak is the higher of two rates in float32: a large matrix product by BLAS
(`gemm.py`, 2 M N K operations), and our micro-kernel on operands that stay in L1. The bandwidth of
memory and caches is that of a copy on the same threads, bytes read plus bytes written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba
import numpy as np

from kernels.contract import threads
from kernels.contract.compilation import entry_point
from kernels.cpu.gemm import gemm
from kernels.cpu.micro_kernel import MR, outer_packed
from kernels.cpu.vector import KR, lanes

REPEATS = 5
LEAST_SECONDS = 0.2
LEAST_MOVED = 1 << 26
"""Bytes of one measurement: small copies are repeated."""
DEPTH, OFTEN = 16, 20_000
"""Lines of 16 terms of the micro-kernel's sum, and how often it is computed in a measurement."""


def matmul_rate(side: int) -> float:
    """GFLOP/s of the product of two float32 matrices of side x side."""
    a, b = np.random.default_rng(0).standard_normal((2, side, side), np.float32)
    out = np.empty_like(a)
    return 2 * side**3 / _best(lambda: gemm(a, b, out)) / 1e9


def micro_kernel_rate() -> float:
    """GFLOP/s of the micro-kernel, each thread's on operands of its own in the nearest cache."""
    team, NR = threads.get_num_threads(), 2 * lanes(np.dtype(np.float32))
    a = np.ones((team, DEPTH * MR * KR), np.float32)
    b = np.zeros((team, DEPTH * KR * NR), np.float32)
    c = np.zeros((team, MR * NR), np.float32)
    operations = 2 * team * OFTEN * MR * NR * DEPTH * KR
    return operations / _best(lambda: _multiply(a, b, c, OFTEN)) / 1e9


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


@entry_point(parallel=True)
def _multiply(a, b, c, often):  # type: ignore[no-untyped-def]
    """c = a b, each thread's own: (MR,DEPTH KR) x (DEPTH KR,2L) -> (MR,2L), flat."""
    team, NR = a.shape[0], c.shape[1] // MR
    a, b, c = a.reshape(-1), b.reshape(-1), c.reshape(-1)  # (team,n) -> (team n,), the same memory
    for row in numba.prange(team):
        for _ in range(often):
            outer_packed(a, row * DEPTH * MR * KR, MR * KR, b, row * DEPTH * KR * NR, c,
                       row * MR * NR, NR, DEPTH, 0, False, 0)  # fmt: skip


@entry_point(parallel=True)
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
