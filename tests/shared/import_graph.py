"""Import graph of packages: an arrow from each import statement to the file that it names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

Rows = Sequence[Sequence[str]]
"""Patterns of paths, from the lowest row to the highest. The longest pattern that fits counts."""


@dataclass(frozen=True)
class Arrow:
    """One import of one module. Paths are relative to the root and written with slashes."""

    file: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} -> {self.target}"


def read_arrows(root: Path, packages: Sequence[str]) -> list[Arrow]:
    """Every import from a file of `packages` of another file of them, wherever it stands.

    Imports within a function and under TYPE_CHECKING count. `from a import b` names the file of
    the module a.b if there is one, else that of a. Packages that are not given are left out.
    """
    files = {
        _module(path.relative_to(root)): path.relative_to(root).as_posix()
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    arrows = (
        Arrow(file, line, files[name])
        for module, file in files.items()
        for line, name in _imported(root / file, module, set(files))
        if files[name] != file
    )
    return list(dict.fromkeys(arrows))  # a line that takes several names is one arrow


def _module(path: Path) -> str:
    """a/b.py -> a.b, a/__init__.py -> a."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, module: str, known: set[str]) -> Iterator[tuple[int, str]]:
    """The line of each import in a file, and the known module that it names."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            base = _absolute(statement, package)
            names = [f"{base}.{alias.name}" for alias in statement.names]
        else:
            continue
        for name in names:
            found = _longest_known(name, known)
            if found is not None:
                yield statement.lineno, found


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    """The module after `from`: one dot stands for the package, each further dot for its parent."""
    if statement.level == 0:
        return statement.module or ""
    parents = package.split(".")
    kept = parents[: len(parents) - (statement.level - 1)]
    return ".".join([*kept, *filter(None, [statement.module])])


def _longest_known(name: str, known: set[str]) -> str | None:
    """a.b.c, else a.b, else a: the first that is a known module."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def upward(arrows: Sequence[Arrow], rows: Rows) -> list[str]:
    """The arrows from a lower row to a higher one. A file that no pattern fits is not held."""
    ranks = {path: _rank(path, rows) for arrow in arrows for path in (arrow.file, arrow.target)}
    found = []
    for arrow in arrows:
        source, target = ranks[arrow.file], ranks[arrow.target]
        if source is not None and target is not None and source < target:
            found.append(str(arrow))
    return found


def _rank(path: str, rows: Rows) -> int | None:
    fitting = [
        (len(pattern), rank)
        for rank, row in enumerate(rows)
        for pattern in row
        if fnmatchcase(path, pattern)
    ]
    return max(fitting)[1] if fitting else None


def circular(arrows: Sequence[Arrow], node: Callable[[str], str | None] = str) -> list[str]:
    """The arrows that run in circles between nodes: files, or what `node` makes of their paths.

    Paths for which it gives None are left out. Of nodes that are tied by many circles, one circle
    after the other is given until none is left.
    """
    named = [(node(arrow.file), node(arrow.target), arrow) for arrow in arrows]
    left = [(a, b, arrow) for a, b, arrow in named if a and b and a != b]
    found = list[str]()
    while circle := _circle([(a, b) for a, b, _ in left]):
        steps = set(pairwise(circle))
        found += [str(arrow) for a, b, arrow in left if (a, b) in steps]
        left = [(a, b, arrow) for a, b, arrow in left if not {a, b} <= set(circle)]
    return found


def _circle(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Nodes of which each imports the next, and the last one is the first; empty without any."""
    sorter = TopologicalSorter[str]()
    for a, b in pairs:
        sorter.add(b, a)  # the circle is given from each node to the one that it imports
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
