"""Placeholders for modules that a judged file imports from another version of this project.

A file that replaces a function of the suite names it by the module of some version of this project.
It is judged by what it computes, not refused for that import, and the import is named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

SUITE = ("kernels.verify.", "kernels.judge.")
"""No kernel needs the insides of the suite that judges it."""


class _Empty(MetaPathFinder, Loader):
    """Finds what nothing before it has found."""

    def __init__(self) -> None:
        self.named: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(SUITE):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.named.append(f"the suite: the file imports {module.__name__}, which is not there")
        module.__dict__["__getattr__"] = _nothing


def _nothing(name: str) -> object:
    """Any public name of an empty module: a function that does nothing."""
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *arguments, **options: None


@contextmanager
def stood_in() -> Iterator[list[str]]:
    """Context in which empty modules stand in; yields a sentence for each."""
    finder = _Empty()
    sys.meta_path.append(finder)
    try:
        yield finder.named
    finally:
        sys.meta_path.remove(finder)
