"""What can be timed: a class an operation, one file a family; importing it finds them all.

A class says which layers its operation runs on, what goes in and comes out, how many operations and
bytes the definition needs, what a result must be, and how minidl and each library are called.
"""

from __future__ import annotations

import importlib
import pkgutil

from bench.operations.operation import OPERATIONS, Call, KernelOperation, Operation, Part, of

__all__ = ["OPERATIONS", "Call", "KernelOperation", "Operation", "Part", "of"]

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
