"""Import of a user's kernels from a file or module, with an error that names what failed."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

from kernels.contract import registry
from kernels.contract.registry import Kernel, all_kernels

_numbers = itertools.count(1)


def load(source: str) -> list[Kernel]:
    """Import `source`, a path to a .py file or a module's dotted name; the kernels it registered.

    ValueError names the file and the failure: it does not exist, does not import, or registers
    nothing. Kernels that a file registered before it failed are removed.
    """
    before = all_kernels()
    try:
        module = _import_file(source) if _is_path(source) else importlib.import_module(source)
    except (Exception, SystemExit) as error:
        registry.unregister(*(k for k in all_kernels() if k not in before))
        raise ValueError(f"{source} does not import: {_one_line(error, source)}") from error
    found = [k for k in all_kernels() if k not in before or _module_of(k) == module.__name__]
    if not found:
        raise ValueError(
            f"{source} registers no kernel: decorate a function with "
            '@kernels.kernel("conv2d", name="mine")'
        )
    return found


def _is_path(source: str) -> bool:
    return source.endswith(".py") or "/" in source or Path(source).is_file()


def _import_file(path: str) -> ModuleType:
    """The file as a module with a unique name; its folder is not added to the search path."""
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError("there is no such file")
    name = f"{file.stem}_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError("it is not a Python file; its name should end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _module_of(kernel: Kernel) -> str:
    return getattr(kernel.function, "__module__", "")


def _one_line(error: BaseException, source: str) -> str:
    """The error in one line, with the number of the innermost line of the source."""
    trace, line = error.__traceback__, getattr(error, "lineno", None)
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == Path(source).name:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" (line {line})" if line and "line" not in str(error) else ""
    return f"{type(error).__name__}: {error}{where}"
