"""Record of a judged kernel's calls to this project's own kernels and definitions, by name.

A kernel that hands its call on returns right results that are not its own. Calls of a registered
kernel are seen where it is called (`contract.observed`); here its function, and the definition's
functions, which can be called without it, are exchanged for ones that note the call first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from kernels import reference
from kernels.contract.registry import all_kernels


def watch(note: Callable[[str], None]) -> None:
    """Has every function of this project that computes an operation note its name when called."""
    operations = set()
    for kernel in all_kernels():
        operations.add(kernel.operation)
        noted = _noting(kernel.function, f"{kernel.operation} {kernel.name}", note)
        object.__setattr__(kernel, "function", noted)  # frozen, for everybody else
    for name in operations & set(vars(reference)):
        setattr(
            reference, name, _noting(getattr(reference, name), f"the definition of {name}", note)
        )


def _noting(
    function: Callable[..., Any], name: str, note: Callable[[str], None]
) -> Callable[..., Any]:
    @wraps(function)
    def noted(*arguments: Any, **options: Any) -> Any:
        note(name)
        return function(*arguments, **options)

    return noted
