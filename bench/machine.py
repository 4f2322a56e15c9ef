"""The machine: its software, and its peaks of arithmetic and bandwidth, measured in the same run.

The arithmetic peak is the higher of two rates in float32: a large matrix product by BLAS
(`kernels.cpu.gemm`, 2 M N K operations), and our micro-kernel on operands that stay in the nearest
cache. The bandwidth of memory and caches is that of a copy on the same threads, bytes read plus
bytes written, of arrays of several sizes: what one call after the other moves may move at the rate
of a copy that is no larger. A read alone may be faster.

Whatever uses more than all of a peak shows that the peak was measured too low: it is measured
again, and the highest counts (`run.py`).
"""

from __future__ import annotations

import importlib.util
import os
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from kernels.contract import threads
from kernels.contract.machine import given
from kernels.cpu.limits import copy_rate, matmul_rate, micro_kernel_rate

LIBRARIES = ("numpy", "scipy", "numba", "torch", "onnxruntime")
SIDE = 2048
COPIES = tuple(1 << n for n in (18, 20, 22, 24, 26, 28))
"""Bytes that copies move, read and written, from what caches hold to what they do not."""


@dataclass(frozen=True)
class Share:
    """How much of the nearer of two limits a call uses: 1 is all of it."""

    value: float
    limit: str
    """"arithmetic" or "bandwidth"."""

    def __str__(self) -> str:
        return f"{self.value:.0%} {self.limit}"


@dataclass(frozen=True)
class Machine:
    """The best of a few measurements each.

    peak_gflops: GFLOP/s, of the fastest float32 arithmetic.
    copies:      (bytes moved, GB/s) of copies, from the smallest to the largest.
    device:      "cuda" for a GPU: then it is the processor, its multiprocessors the cores, and the
                 threads are those of the host that orders (`gpu_limits.py`).
    runs:        of the benchmark that measured it.
    again:       how often the limits were measured anew, since a row used more than all of one.
    product:     the peak is a matrix product's alone, as in records of before 2026-12.
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
        """GB/s that a call which moves so many bytes may reach: that of a copy no larger, or of
        any that is larger still."""
        smaller = [size for size, _ in self.copies if size <= moved]
        return max(rate for size, rate in self.copies if size >= max(smaller, default=0))

    def share(self, operations: int, moved: int, seconds: float) -> Share:
        """Of a call with so many operations, which reads and writes so many bytes at least."""
        arithmetic = operations / self.peak_gflops / 1e9 / seconds
        bandwidth = moved / self.bandwidth(moved) / 1e9 / seconds
        if arithmetic >= bandwidth:
            return Share(arithmetic, "arithmetic")
        return Share(bandwidth, "bandwidth")

    def better(self, other: Machine) -> Machine:
        """With the higher limits of two measurements: other work only ever lowers them."""
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
    """The machine, with its limits on as many threads as are set (about two seconds)."""
    return Machine(
        _processor() + given(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads.get_num_threads(),
        {"python": platform.python_version(), **_versions()},
        f"{datetime.now(UTC):%Y-%m-%d}",
        max(matmul_rate(SIDE), micro_kernel_rate()),
        tuple((moved, copy_rate(moved)) for moved in COPIES),
    )


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}


def _processor() -> str:
    """As Linux names it, or else as Python does."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
