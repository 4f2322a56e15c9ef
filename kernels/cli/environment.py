"""Environment of a run: processor, threads, and the versions of the libraries that took part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

from kernels.contract import threads
from kernels.contract.machine import given

LIBRARIES = ("minidl-zfnet", "numpy", "scipy", "numba", "hypothesis", "torch", "onnx", "cupy")


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """Processor, system, threads, Python, and the versions of libraries (None: not installed)."""
    return {
        "processor": _processor() + given(),
        "cores": os.cpu_count(),
        "threads": threads.get_num_threads(),
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version_of(name) for name in LIBRARIES},
    }


def version_of(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
