"""The machine that was measured on, its software, and its own limits, measured in the same run.

The limits are those of `kernels/cpu/limits.py`: the rate of a large matrix product, and of copies
of several sizes. What one call after the other moves may move at the rate of a copy that is no
larger. A read alone may be faster.
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
from kernels.cpu.limits import copy_rate, matmul_rate

LIBRARIES = ("numpy", "scipy", "numba", "torch", "onnxruntime")
SIDE = 2048
COPIES = tuple(1 << n for n in (18, 20, 22, 24, 26, 28))
"""Bytes that copies move, read and written, from what caches hold to what they do not."""


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


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}


def _processor() -> str:
    """As Linux names it, or else as Python does."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
