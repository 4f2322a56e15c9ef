"""Planting of a mutant: the kernel with the bug, registered in place of the sound one.

The changed file is written to a temporary folder and imported from there, and so is every file
between it and the kernel's own: `conv2d_dgrad/flipped.py` uses `conv2d/im2col.py`, which uses
`unfold.py`. A .cu file is copied with the Python file beside it, and a header with every .cu that
includes it. Afterwards all of them are removed.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from numba import config

from kernels.contract import registry
from kernels.contract.registry import Kernel, all_kernels
from kernels.cuda.emulator.rewrite import included
from kernels.verify.mutants.mutant import FOLDER, Mutant

SHARED = ("kernels.contract", "kernels.cuda", "kernels.cuda.program", "kernels.cuda.structs")
"""Modules that kernels share with their callers. A second copy would be another registry, or
another class of geometry than the caller's."""


@contextmanager
def planted(mutant: Mutant) -> Iterator[Kernel]:
    """Context in which the kernel with the bug is registered; afterwards all is restored.

    ValueError if the mutant does not apply to the present sources.
    """
    source, names = mutant.source(), _between(mutant)
    sound = [k for k in all_kernels() if _module_of(k) in names]
    with (
        tempfile.TemporaryDirectory(prefix="mutant-") as folder,
        registry.without(*sound),
        _as_they_were(names),
    ):
        if mutant.file.endswith(".cuh"):
            _write_headers(Path(folder), Path(mutant.file).name, source)
        for name in names:
            changed = source if name == _module(mutant.file) else None
            _import(name, mutant.file, changed, Path(folder))
        yield sound_kernel(mutant)


def sound_kernel(mutant: Mutant) -> Kernel:
    """The registered kernel that the mutant changes; ValueError if there is none."""
    for kernel in all_kernels(mutant.operation):
        if (kernel.name, kernel.device) == (mutant.kernel, mutant.device):
            return kernel
    raise ValueError(
        f"the mutant {mutant.name!r} no longer applies: {mutant.operation} has no kernel "
        f"{mutant.kernel!r} on {mutant.device}"
    )


def _between(mutant: Mutant) -> list[str]:
    """The modules from the changed one to the kernel's own, in import order."""
    kernel = sound_kernel(mutant)
    changed = _including(mutant.file) if mutant.file.endswith(".cuh") else [_module(mutant.file)]
    of_each = [_affected(_module_of(kernel), each) for each in changed]
    names = list(dict.fromkeys(name for found in of_each for name in found))
    names.sort(key=_module_of(kernel).__eq__)  # the kernel's own module is the last
    if not names:
        raise ValueError(
            f"the mutant {mutant.name!r} no longer applies: {_module_of(kernel)} is not built from "
            f"kernels/{mutant.file}, or shares it with its callers"
        )
    return names


def _affected(name: str, changed: str) -> list[str]:
    """`changed` and the modules that import it, up to module `name`, the last; [] if none does."""
    if name == changed:
        return [changed]
    found: list[str] = []
    for imported in _imports(name):
        found += [module for module in _affected(imported, changed) if module not in found]
    return [*found, name] if found else []


def _write_headers(folder: Path, changed: str, source: str) -> None:
    """Copies all headers, so that one that includes another finds it beside itself."""
    for header in (FOLDER / "cuda" / "include").glob("*.cuh"):
        text = source if header.name == changed else header.read_text("utf-8")
        (folder / header.name).write_text(text, encoding="utf-8")


def _including(header: str) -> list[str]:
    """The modules whose .cu file includes a header, directly or through another header."""
    wanted = (FOLDER / header).resolve()
    sources = sorted(FOLDER.glob("*/*.cu"))
    found = [file for file in sources if wanted in included(file)]
    return [_module(str(file.relative_to(FOLDER))) for file in found]


def _imports(name: str) -> list[str]:
    """The modules of `kernels` that a module imports, except the shared ones."""
    tree = ast.parse(_path(name).read_text("utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules = [module for node in nodes for module in _named_by(node)]
    return [m for m in modules if m.startswith("kernels.") and not _is_shared(m)]


def _named_by(node: ast.ImportFrom) -> list[str]:
    """The modules of `from package import module, ...`, or of `from module import name, ...`."""
    inside = [f"{node.module}.{alias.name}" for alias in node.names]
    return [module for module in inside if _path(module).exists()] or [str(node.module)]


def _is_shared(module: str) -> bool:
    return module in SHARED or module.startswith("kernels.contract.")


def _import(name: str, changed: str, source: str | None, folder: Path) -> None:
    """Import the module `name` from a file of its own: Numba reads and caches by file.

    source: new text of the file `changed`, if that is the module's or the .cu beside it.
    """
    file = folder / f"{name}.py"
    for suffix in (".py", ".cu"):
        sound = _path(name).with_suffix(suffix)
        if sound.exists():
            mutated = source is not None and changed.endswith(suffix)
            text = source if mutated else sound.read_text("utf-8")
            (folder / f"{name}{suffix}").write_text(str(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _compiled_into(folder):
        spec.loader.exec_module(module)


@contextmanager
def _compiled_into(folder: Path) -> Iterator[None]:
    """Sets Numba's cache folder, in place of the one that the user has configured."""
    settings = vars(config)
    before, settings["CACHE_DIR"] = settings["CACHE_DIR"], str(folder)
    try:
        yield
    finally:
        settings["CACHE_DIR"] = before


@contextmanager
def _as_they_were(names: list[str]) -> Iterator[None]:
    """Context after which the modules `names` are restored."""
    before: dict[str, ModuleType] = {name: sys.modules[name] for name in names}
    try:
        yield
    finally:
        sys.modules.update(before)


def _module_of(kernel: Kernel) -> str:
    return getattr(kernel.function, "__module__", "")


def _module(file: str) -> str:
    return "kernels." + str(Path(file).with_suffix("")).replace("/", ".")


def _path(name: str) -> Path:
    return FOLDER / (name.removeprefix("kernels.").replace(".", "/") + ".py")
