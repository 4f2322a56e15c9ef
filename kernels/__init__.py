"""Kernels on arrays: one folder per operation, one file per algorithm.

Read `reference.py` first: nested loops that define every operation. Then `conv2d/im2col.py`.
The files of an operation's folder register its kernels. They are imported when the operation is
asked for the first time: by `pick`, by `all_kernels`, or when somebody registers a kernel for it.
`python -m kernels` lists them, verifies them and shows what they do (`cli/`, `verify/`, `show/`).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import partial

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
    *("show", "storage", "terminal", "verify", "winograd"),
)


def _import_folder(operation: str) -> None:
    folder = importlib.import_module(f"{__name__}.{operation}")
    for algorithm in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{algorithm.name}")


for _folder in pkgutil.iter_modules(__path__):
    if _folder.ispkg and _folder.name not in _NOT_OPERATIONS:
        registry.on_demand(_folder.name, partial(_import_folder, _folder.name))
