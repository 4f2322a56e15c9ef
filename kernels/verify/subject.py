"""Subject of a library's function: a kernel, or an operation by its name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.verify.calls import OPERATIONS, Operation


def kernel_of(subject: Kernel | str) -> Kernel:
    """The kernel, or one of the operation that supports everything."""
    if isinstance(subject, Kernel):
        return subject
    operation_of(subject)
    return Kernel(subject, "any", "cpu", _uncalled)


def serves(kernel: Kernel, g: Any) -> bool:
    """True if the kernel supports a plain call of the geometry in one of the types."""
    return any(supports(kernel, Problem(g, np.dtype(t))) for t in (np.float32, np.float64))


def _uncalled(*arguments: Any, **options: Any) -> None:
    raise TypeError("this kernel stands for an operation, and computes nothing")


def operation_of(name: str) -> Operation:
    """The operation of that name; ValueError lists those that there are."""
    require_known("operation", [name], OPERATIONS)
    return OPERATIONS[name]


def require_known(what: str, names: Sequence[str], known: Collection[str]) -> None:
    """ValueError that lists the known names, unless every name is among them."""
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r} here; there are {', '.join(known)}")
