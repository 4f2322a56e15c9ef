"""Plugin of pytest that imports a file with a bug in place of the sound one.

    pytest -p tests.mutants.plant ...

The environment names the file and the changed text (`FILE`, `TEXT`). All other modules are imported
from where they are, with what was compiled of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

FILE, TEXT = "PLANTED_FILE", "PLANTED_TEXT"
"""Environment variables: the sound file, and the file with the changed text."""
ROOT = Path(__file__).resolve().parents[2]


class _Changed(SourceFileLoader):
    """Compiles the changed text; nothing is read from the cache of compiled modules."""

    def get_code(self, fullname: str) -> CodeType:
        text = Path(os.environ[TEXT]).read_text(encoding="utf-8")
        return compile(text, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds one module, that of the changed file."""

    def __init__(self, file: str) -> None:
        self.path = ROOT / file
        self.name = ".".join(Path(file).with_suffix("").parts)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        loader = _Changed(fullname, str(self.path))
        return spec_from_file_location(fullname, self.path, loader=loader)


def plant(file: str) -> None:
    """Let the changed text be imported in place of `file`; RuntimeError if it was imported."""
    finder = _Finder(file)
    if finder.name in sys.modules:
        raise RuntimeError(f"{finder.name} was imported before the bug could be planted")
    sys.meta_path.insert(0, finder)


if FILE in os.environ:
    plant(os.environ[FILE])
