"""What was measured on: the machine, its software, and its own limits, measured in the same run.

The arithmetic limit is the rate of a large float32 matrix product (`kernels.gemm`, 2 M N K
operations); an algorithm with fewer operations than the definition can pass it. The memory limit is
a copy on the same threads, bytes read plus bytes written.
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

from kernels import threads
from kernels.gemm import gemm

LIBRARIES = ("numpy", "scipy", "numba", "torch")
SIDE = 2048
FLOATS = 1 << 25
REPEATS = 5


@dataclass(frozen=True)
class Machine:
    """The best of a few measurements each: GFLOP/s of a matrix product, GB/s of a copy."""

    processor: str
    cores: int
    threads: int
    versions: dict[str, str]
    date: str
    matmul_gflops: float
    copy_gbytes: float

    def better(self, other: Machine) -> Machine:
        """With the higher limits of two measurements: other work only ever lowers them."""
        matmul = max(self.matmul_gflops, other.matmul_gflops)
        return replace(
            self, matmul_gflops=matmul, copy_gbytes=max(self.copy_gbytes, other.copy_gbytes)
        )

    @property
    def summary(self) -> str:
        software = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.processor}, {self.threads} threads on {self.cores} cores; {software}; "
            f"{self.date}. Limits measured in the same run: float32 matrix product "
            f"{self.matmul_gflops:.0f} GFLOP/s, memory copy {self.copy_gbytes:.1f} GB/s."
        )


def measure() -> Machine:
    """The machine, with its limits on as many threads as are set (about two seconds)."""
    return Machine(
        _processor(),
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads.get_num_threads(),
        {"python": platform.python_version(), **_versions()},
        f"{datetime.now(UTC):%Y-%m-%d}",
        matmul_rate(SIDE),
        copy_rate(FLOATS),
    )


def matmul_rate(side: int) -> float:
    """GFLOP/s of the product of two float32 matrices of side x side."""
    a, b = np.random.default_rng(0).standard_normal((2, side, side), np.float32)
    out = np.empty_like(a)
    return 2 * side**3 / _best(lambda: gemm(a, b, out)) / 1e9


def copy_rate(floats: int) -> float:
    """GB/s, read and written, of copying that many float32."""
    source = np.ones(floats, np.float32)
    target = np.zeros_like(source)
    return 2 * source.nbytes / _best(lambda: _copy(source, target)) / 1e9


def _best(run: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs: a limit is what was reached undisturbed."""
    found = []
    with threads.region():
        run()
        for _ in range(REPEATS):
            began = time.perf_counter()
            run()
            found.append(time.perf_counter() - began)
    return min(found)


@numba.njit(parallel=True, cache=True)
def _copy(source, target):  # type: ignore[no-untyped-def]
    for i in numba.prange(source.size):
        target[i] = source[i]


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES if importlib.util.find_spec(name)}


def _processor() -> str:
    """As Linux names it, or else as Python does."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
