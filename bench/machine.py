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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from kernels.contract import layer, threads
from kernels.contract.machine import given
from kernels.cpu.limits import copy_rate, matmul_rate, micro_kernel_rate

LIBRARIES = ("numpy", "scipy", "numba", "torch", "onnxruntime", "openvino", "ncnn")
SIDE = 2048
COPIES = tuple(1 << n for n in (18, 20, 22, 24, 26, 28))
"""Bytes that copies move, read and written: from arrays that fit into caches to larger ones."""


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
    busy:        number of busy processes beside each contender.
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
    busy: int = 0

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
            f"{self.processor}, {self.threads} threads on {self.cores} cores{self._beside}; "
            f"{software}; {self.date}. Limits, {how}: {peak} {self.peak_gflops:.0f} GFLOP/s, copy "
            f"in memory {self.memory_gbytes:.1f} GB/s, in cache {self.cache_gbytes:.0f} GB/s."
        )

    @property
    def _beside(self) -> str:
        return f", beside {self.busy} busy process{'es' * (self.busy > 1)}" if self.busy else ""


def measure() -> Machine:
    """The machine, with its limits on the current number of threads (about two seconds)."""
    return Machine(
        _processor() + given(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads.get_num_threads(),
        {"python": platform.python_version(), **_versions(), "threading layer": layer.name()},
        f"{datetime.now(UTC):%Y-%m-%d}",
        max(matmul_rate(SIDE), micro_kernel_rate()),
        tuple((moved, copy_rate(moved)) for moved in COPIES),
    )


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}


def _processor() -> str:
    """The processor's name, from Linux or else from Python."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
