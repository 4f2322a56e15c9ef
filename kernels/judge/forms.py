"""Forms in which kernels are handed in, each brought to kernels of this project's registry.

Loaded in the kernel's own process alone (`child.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from kernels.contract.kernel import Kernel
from kernels.contract.sources import load as load_kernels


def _registered(source: str) -> list[Kernel]:
    """The kernels that a file registers with `@kernel`."""
    return load_kernels(source)


FORMS: dict[str, Callable[[str], list[Kernel]]] = {"kernel": _registered}
"""By name: what reads a file of that form."""


def load(source: str, form: str) -> list[Kernel]:
    """The kernels of a file in one of the forms; ValueError names what does not load."""
    return FORMS[form](source)
