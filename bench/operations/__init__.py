"""Operations of the benchmark: a class per operation, a file per family; the import registers all.

A class defines the layers that its operation runs on, its inputs and outputs, the operations and
bytes of the definition, the expected result, and the calls of minidl and of each library.
"""

from __future__ import annotations

import importlib
import pkgutil

from bench.operations.operation import OPERATIONS, Call, KernelOperation, Operation, Part, of

__all__ = ["OPERATIONS", "Call", "KernelOperation", "Operation", "Part", "of"]

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
