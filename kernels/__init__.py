"""Kernels on arrays: one folder per operation, one file per algorithm.

Read `reference.py` first: nested loops that define every operation. Then `conv2d/im2col.py`.
Importing this package imports every file in an operation's folder, which registers its kernels.
`python -m kernels` lists them, verifies them and shows what they do (`cli/`, `verify/`, `show/`).
"""

from __future__ import annotations

import importlib
import pkgutil

import kernels.contract.alignment
import kernels.contract.cache_files
import kernels.contract.fork
import kernels.contract.freshness  # noqa: F401  (all before anything is compiled)
from kernels import cuda, reference
from kernels.contract import geometry, memory, registry, threads
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import Box, ConvGeometry, PoolGeometry
from kernels.contract.placement import device_of
from kernels.contract.problem import Problem
from kernels.contract.registry import (
    Kernel,
    all_kernels,
    kernel,
    named,
    pick,
    pick_for,
    register,
)

__all__ = [
    "Abilities",
    "Accuracy",
    "Box",
    "ConvGeometry",
    "Cost",
    "Kernel",
    "PoolGeometry",
    "Problem",
    "all_kernels",
    "cuda",
    "device_of",
    "geometry",
    "kernel",
    "memory",
    "named",
    "pick",
    "pick_for",
    "reference",
    "register",
    "registry",
    "threads",
]


_NOT_OPERATIONS = (
    *("cli", "contract", "cpu", "cuda", "definition", "ladder"),
    *("show", "terminal", "verify", "winograd"),
)


def _import_every_kernel() -> None:
    for operation in pkgutil.iter_modules(__path__):
        if not operation.ispkg or operation.name in _NOT_OPERATIONS:
            continue
        folder = importlib.import_module(f"{__name__}.{operation.name}")
        for algorithm in pkgutil.iter_modules(folder.__path__):
            importlib.import_module(f"{folder.__name__}.{algorithm.name}")


_import_every_kernel()
