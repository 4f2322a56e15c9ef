"""The GPU, its software, and its peaks of arithmetic and bandwidth, measured in the same run.

The arithmetic peak is the rate of a large float32 product by cuBLAS (2 M N K operations, in full
float32). The bandwidth is that of a copy of an array that no cache holds, bytes read plus bytes
written. Both are measured by the GPU's own clock (`gpu.py`).
"""

from __future__ import annotations

import importlib.util
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.gpu import CuPyGPU
from bench.machine import Machine
from kernels.contract import threads
from kernels.contract.clock import Call
from kernels.cpu.limits import REPEATS
from kernels.cuda import product

SIDE = 8192
COPIED = 1 << 31
"""Bytes that a copy moves, read and written: far more than an L2 cache of 50 MB."""
DRIVER = Path("/proc/driver/nvidia/version")


def measure() -> Machine:
    """The GPU with its limits (about a second); NoGPU if there is none."""
    gpu = CuPyGPU()
    properties = gpu.cupy.cuda.runtime.getDeviceProperties(0)
    matmul, copy = _matmul_rate(gpu), _copy_rate(gpu)
    gpu.pool.free_all_blocks()  # for the contenders, each in a process of its own
    return Machine(
        properties["name"].decode(),
        properties["multiProcessorCount"],
        threads.get_num_threads(),
        _versions(gpu.cupy),
        f"{datetime.now(UTC):%Y-%m-%d}",
        matmul,
        ((COPIED, copy),),
        device="cuda",
    )


def _matmul_rate(gpu: CuPyGPU) -> float:
    """GFLOP/s."""
    a, b = (gpu.cupy.ones((SIDE, SIDE), np.float32) for _ in range(2))
    out = gpu.cupy.empty_like(a)
    return 2 * SIDE**3 / _best(gpu, lambda: product(a, b, out)) / 1e9


def _copy_rate(gpu: CuPyGPU) -> float:
    """GB/s."""
    source = gpu.cupy.ones(COPIED // 8, np.float32)
    target = gpu.cupy.empty_like(source)
    return COPIED / _best(gpu, lambda: gpu.cupy.copyto(target, source)) / 1e9


def _best(gpu: CuPyGPU, call: Call) -> float:
    """Seconds of the fastest of some calls: a limit is the rate of an undisturbed call."""
    return min(gpu.seconds(call, 1, 1) for _ in range(REPEATS))


def _versions(cupy: Any) -> dict[str, str]:
    numbers = {
        "driver": _driver(),
        "driver's CUDA": cupy.cuda.runtime.driverGetVersion(),
        "CUDA": cupy.cuda.runtime.runtimeGetVersion(),
    }
    found = {name: n if isinstance(n, str) else _dotted(n) for name, n in numbers.items() if n}
    libraries = {"python": platform.python_version(), "cupy": cupy.__version__}
    if importlib.util.find_spec("torch"):
        libraries["torch"] = version("torch")
    return found | libraries


def _dotted(version: int) -> str:
    """12040 is 12.4."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _driver() -> str:
    """The driver's version, where Linux has it in a file."""
    text = DRIVER.read_text() if DRIVER.is_file() else ""
    found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", text)
    return found[0] if found else ""
