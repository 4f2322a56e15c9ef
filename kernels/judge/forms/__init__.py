"""Forms in which kernels are handed in, each brought to kernels of this project.

Loaded in the kernel's own process alone (`child.py`).

| file | what is looked for |
|---|---|
| `.py` | kernels registered by `@kernel`; if there are none, `custom_kernel`, as GPU kernel
competitions have it; or `Model` and `ModelNew`, as tasks of KernelBench have them; or functions
under PyTorch's names |
| `.c`, `.cpp`, `.cu`, `.so` | functions with C linkage and the signatures of `native.py`; CUDA in
the emulator |
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from kernels.contract import sources
from kernels.contract.kernel import Kernel
from kernels.contract.registry import all_kernels
from kernels.judge.forms import functions, modules, native, submissions


def load(source: str) -> list[Kernel]:
    """The kernels of a file; ValueError names what does not load, and what would."""
    if Path(source).suffix in native.SUFFIXES:
        return native.load(source)
    before = all_kernels()
    if Path(source).is_file() and submissions.is_submission(source):
        submissions.prepare(source)
    try:
        return sources.load(source)
    except ValueError as error:
        if "registers no kernel" not in str(error):
            raise
    module = _module_of(source)
    found = submissions.found(module) or modules.found(module) or functions.found(module)
    if not found:
        raise ValueError(
            f"{source} has no kernel: neither one that is registered by "
            '@kernels.kernel("conv2d", name="mine"), nor classes Model and ModelNew with '
            "get_inputs, nor custom_kernel(data) with generate_input and ref_kernel, nor a "
            f"function named {', '.join(functions.FORMS)} with PyTorch's "
            "arguments"
        )
    return [k for k in found if k not in before]


def _module_of(source: str) -> ModuleType:
    """The module of a file that was imported, the last of that file."""
    path = Path(source).resolve()
    named = [
        module
        for module in list(sys.modules.values())
        if getattr(module, "__file__", None) and Path(str(module.__file__)).resolve() == path
    ]
    return named[-1] if named else sys.modules[source]
