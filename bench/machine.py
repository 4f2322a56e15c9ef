"""The machine: its software, and its peaks of arithmetic and bandwidth, measured in the same run.

The arithmetic peak is the higher of two rates in float32: a large matrix product by BLAS
(`kernels.cpu.gemm`, 2 M N K operations), and our micro-kernel on operands that stay in the nearest
cache. The bandwidth of memory and caches is that of a copy on the same threads, bytes read plus
bytes written, for arrays of several sizes. A repeated call is compared with the rate of a copy that
is no larger than the bytes it moves. A read alone may be faster.

A share above 100 % of a peak shows that the peak was measured too low: it is measured again, and
the highest measurement counts (`run.py`).
"""

from __future__ import annotations

import importlib.util
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numba
import numpy as np

from kernels.contract import threads
from kernels.contract.machine import given
from kernels.cpu.gemm import gemm
from kernels.cpu.micro_kernel import TALL, outer_tall
from kernels.cpu.vector import LINE, lanes

LIBRARIES = ("numpy", "scipy", "numba", "torch", "onnxruntime")
SIDE = 2048
COPIES = tuple(1 << n for n in (18, 20, 22, 24, 26, 28))
"""Bytes that copies move, read and written: from arrays that fit into caches to larger ones."""
REPEATS = 5
LEAST_SECONDS = 0.2
LEAST_MOVED = 1 << 26
"""Least bytes of one measurement: small copies are repeated."""
DEPTH, OFTEN = 16, 20_000
"""Lines of 16 terms of the micro-kernel's sum, and the number of sums in a measurement."""


@dataclass(frozen=True)
class Share:
    """A call's rate as a share of the nearer of two limits: 1 is the limit itself."""

    value: float
    limit: str
    """"arithmetic" or "bandwidth"."""

    def __str__(self) -> str:
        return f"{self.value:.0%} {self.limit}"


@dataclass(frozen=True)
class Machine:
    """The machine and its limits, each the best of a few measurements.

    peak_gflops: GFLOP/s of the fastest float32 arithmetic.
    copies:      (bytes moved, GB/s) of copies, from the smallest to the largest.
    device:      "cuda" for a GPU: then `processor` is the GPU, `cores` are its multiprocessors, and
                 `threads` are those of the host (`gpu_limits.py`).
    runs:        number of benchmark runs that measured the limits.
    again:       number of repeated measurements, made because a row's share of a limit exceeded 1.
    product:     the peak is that of a matrix product alone, as in records before 2026-12.
    """

    processor: str
    cores: int
    threads: int
    versions: dict[str, str]
    date: str
    peak_gflops: float
    copies: tuple[tuple[int, float], ...]
    device: str = "cpu"
    runs: int = 1
    again: int = 0
    product: bool = False

    @property
    def memory_gbytes(self) -> float:
        """GB/s of the largest copy."""
        return self.copies[-1][1]

    @property
    def cache_gbytes(self) -> float:
        """GB/s of the fastest copy."""
        return max(rate for _, rate in self.copies)

    def bandwidth(self, moved: int) -> float:
        """The limit in GB/s for a call that moves so many bytes: the highest rate of the largest
        copy that is no larger, and of all larger copies."""
        smaller = [size for size, _ in self.copies if size <= moved]
        return max(rate for size, rate in self.copies if size >= max(smaller, default=0))

    def share(self, operations: int, moved: int, seconds: float) -> Share:
        """The share of a call with so many operations that moves at least `moved` bytes."""
        arithmetic = operations / self.peak_gflops / 1e9 / seconds
        bandwidth = moved / self.bandwidth(moved) / 1e9 / seconds
        if arithmetic >= bandwidth:
            return Share(arithmetic, "arithmetic")
        return Share(bandwidth, "bandwidth")

    def better(self, other: Machine) -> Machine:
        """The higher limits of two measurements: other work on the machine only lowers them."""
        peak = max(self.peak_gflops, other.peak_gflops)
        pairs = zip(self.copies, other.copies, strict=True)
        product = self.product and other.product
        return replace(self, peak_gflops=peak, copies=tuple(map(max, pairs)), product=product)

    @property
    def summary(self) -> str:
        software = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        how = "measured in the same run" if self.runs == 1 else f"the highest of {self.runs} runs"
        if self.again:
            how += f", measured {self.again} times more where a row used more than all of one"
        peak = f"float32 {'matrix product' if self.product else 'arithmetic'}"
        if self.device == "cuda":
            return (
                f"{self.processor}, {self.cores} multiprocessors; {software}; {self.date}. Limits, "
                f"{how}: {peak} {self.peak_gflops:.0f} GFLOP/s, copy in memory "
                f"{self.memory_gbytes:.0f} GB/s."
            )
        return (
            f"{self.processor}, {self.threads} threads on {self.cores} cores; {software}; "
            f"{self.date}. Limits, {how}: {peak} {self.peak_gflops:.0f} GFLOP/s, copy in memory "
            f"{self.memory_gbytes:.1f} GB/s, in cache {self.cache_gbytes:.0f} GB/s."
        )


def measure() -> Machine:
    """The machine, with its limits on the current number of threads (about two seconds)."""
    return Machine(
        _processor() + given(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads.get_num_threads(),
        {"python": platform.python_version(), **_versions()},
        f"{datetime.now(UTC):%Y-%m-%d}",
        max(matmul_rate(SIDE), micro_kernel_rate()),
        tuple((moved, copy_rate(moved)) for moved in COPIES),
    )


def matmul_rate(side: int) -> float:
    """GFLOP/s of the product of two float32 matrices of side x side."""
    a, b = np.random.default_rng(0).standard_normal((2, side, side), np.float32)
    out = np.empty_like(a)
    return 2 * side**3 / _best(lambda: gemm(a, b, out)) / 1e9


def micro_kernel_rate() -> float:
    """GFLOP/s of the micro-kernel, each thread's on operands of its own in the nearest cache."""
    count, wide = threads.get_num_threads(), 2 * lanes(np.dtype(np.float32))
    a = np.ones((count, DEPTH * TALL * LINE), np.float32)
    b = np.zeros((count, DEPTH * LINE * wide), np.float32)
    c = np.zeros((count, TALL * wide), np.float32)
    operations = 2 * count * OFTEN * TALL * wide * DEPTH * LINE
    return operations / _best(lambda: _multiply(a, b, c, OFTEN)) / 1e9


def copy_rate(moved: int) -> float:
    """GB/s of a copy that reads half of so many bytes and writes the other half."""
    count = threads.get_num_threads()
    source = np.ones((count, moved // (8 * count)), np.float32)
    target = np.zeros_like(source)
    often = max(1, LEAST_MOVED // moved)
    bytes_a_run = 4 * often * source.nbytes  # there and back, read and written
    return bytes_a_run / _best(lambda: _copy(source, target, often, np.float32(1))) / 1e9


def _best(run: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs: a limit is the rate of an undisturbed run."""
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
def _multiply(a, b, c, often):  # type: ignore[no-untyped-def]
    """c = a b, each thread's own: (TALL,DEPTH LINE) x (DEPTH LINE,2L) -> (TALL,2L), flat."""
    count, wide = a.shape[0], c.shape[1] // TALL
    a, b, c = (
        a.reshape(-1),
        b.reshape(-1),
        c.reshape(-1),
    )  # (count,n) -> (count n,)
    for row in numba.prange(count):
        for _ in range(often):
            outer_tall(a, row * DEPTH * TALL * LINE, TALL * LINE, b, row * DEPTH * LINE * wide, c,
                       row * TALL * wide, wide, DEPTH, 0, False, 0)  # fmt: skip


@numba.njit(parallel=True, cache=True)
def _copy(source, target, often, one):  # type: ignore[no-untyped-def]
    """Each thread copies its own row (threads,n) there and back, so that caches keep it.

    The factor `one` is an argument: a compiler that knew its value would remove the copy back.
    """
    for row in numba.prange(source.shape[0]):
        for _ in range(often):
            for i in range(source.shape[1]):
                target[row, i] = one * source[row, i]
            for i in range(source.shape[1]):
                source[row, i] = one * target[row, i]


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}


def _processor() -> str:
    """The processor's name, from Linux or else from Python."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
