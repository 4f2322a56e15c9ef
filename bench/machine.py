"""What was measured on: the machine, its software, and its own limits, measured in the same run.

The arithmetic limit is the rate of a large float32 matrix product (`kernels.cpu.gemm`, 2 M N K
operations); an algorithm with fewer operations than the definition can pass it. The limit of memory
and caches is a copy on the same threads, bytes read plus bytes written, of arrays of several sizes:
what one call after the other moves may move at the rate of a copy that is no larger. A read alone
may be faster.
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

LIBRARIES = ("numpy", "scipy", "numba", "torch", "onnxruntime")
SIDE = 2048
COPIES = tuple(1 << n for n in (18, 20, 22, 24, 26, 28))
"""Bytes that copies move, read and written, from what caches hold to what they do not."""
REPEATS = 5
LEAST_SECONDS = 0.2
LEAST_MOVED = 1 << 26
"""Bytes of one measurement: small copies are repeated."""


@dataclass(frozen=True)
class Machine:
    """The best of a few measurements each.

    matmul_gflops: GFLOP/s of a matrix product.
    copies:        (bytes moved, GB/s) of copies, from the smallest to the largest.
    device:        "cuda" for a GPU: then it is the processor, its multiprocessors the cores, and
                   the threads are those of the host that orders (`gpu_limits.py`).
    runs:          of the benchmark that measured it.
    """

    processor: str
    cores: int
    threads: int
    versions: dict[str, str]
    date: str
    matmul_gflops: float
    copies: tuple[tuple[int, float], ...]
    device: str = "cpu"
    runs: int = 1

    @property
    def memory_gbytes(self) -> float:
        """GB/s of the largest copy."""
        return self.copies[-1][1]

    @property
    def cache_gbytes(self) -> float:
        """GB/s of the fastest copy."""
        return max(rate for _, rate in self.copies)

    def bandwidth(self, moved: int) -> float:
        """GB/s that a call which moves so many bytes may reach: that of a copy no larger, or of
        any that is larger still."""
        smaller = [size for size, _ in self.copies if size <= moved]
        return max(rate for size, rate in self.copies if size >= max(smaller, default=0))

    def limit(self, operations: int, moved: int) -> float:
        """Seconds that a call takes at least: the roofline of arithmetic and bandwidth."""
        arithmetic = operations / self.matmul_gflops / 1e9
        return max(arithmetic, moved / self.bandwidth(moved) / 1e9)

    def better(self, other: Machine) -> Machine:
        """With the higher limits of two measurements: other work only ever lowers them."""
        matmul = max(self.matmul_gflops, other.matmul_gflops)
        pairs = zip(self.copies, other.copies, strict=True)
        return replace(self, matmul_gflops=matmul, copies=tuple(map(max, pairs)))

    @property
    def summary(self) -> str:
        software = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        how = "measured in the same run" if self.runs == 1 else f"the highest of {self.runs} runs"
        if self.device == "cuda":
            return (
                f"{self.processor}, {self.cores} multiprocessors; {software}; {self.date}. Limits, "
                f"{how}: float32 matrix product {self.matmul_gflops:.0f} GFLOP/s, copy in memory "
                f"{self.memory_gbytes:.0f} GB/s."
            )
        return (
            f"{self.processor}, {self.threads} threads on {self.cores} cores; {software}; "
            f"{self.date}. Limits, {how}: float32 matrix product "
            f"{self.matmul_gflops:.0f} GFLOP/s, copy in memory {self.memory_gbytes:.1f} GB/s, in "
            f"cache {self.cache_gbytes:.0f} GB/s."
        )


def measure() -> Machine:
    """The machine, with its limits on as many threads as are set (about two seconds)."""
    return Machine(
        _processor() + given(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads.get_num_threads(),
        {"python": platform.python_version(), **_versions()},
        f"{datetime.now(UTC):%Y-%m-%d}",
        matmul_rate(SIDE),
        tuple((moved, copy_rate(moved)) for moved in COPIES),
    )


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


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}


def _processor() -> str:
    """As Linux names it, or else as Python does."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
