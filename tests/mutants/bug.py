"""Bug: some lines of a file replaced, and the tests that must fail then, written as a diff.

    == minidl: walk, minidl/backward_pass.py, tests/minidl/test_tape.py
    a later use of a tensor replaces the cotangent of an earlier one
    -            cotangents[key] = cotangents[key] + gx if key in cotangents else gx
    +            cotangents[key] = gx

The heading has the part of the code, the changed file and the tests: a file, or one of its tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bug:
    """In `file` the lines `old` read `new`; `tests`, a file or `file::test`, must fail.

    part: the part of the code, such as "minidl: rules". kind: the bug, in a few words.
    """

    part: str
    file: str
    tests: str
    kind: str
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.part}: {self.kind}"

    def source(self) -> str:
        """The file's text with the bug; ValueError unless `old` occurs exactly once.

        Compiled code is refused, since Numba would take the sound one from its cache.
        """
        text = (ROOT / self.file).read_text(encoding="utf-8")
        found = f"\n{text}".count(f"\n{self.old}\n")
        if found != 1:
            raise ValueError(
                f"the bug {self.name!r} no longer applies: the lines that it replaces occur "
                f"{found} times in {self.file}, not once; write them anew:\n{self.old}"
            )
        if "numba" in {a.name for node in _imports(text) for a in node.names}:
            raise ValueError(f"{self.file} is compiled: plant {self.name!r} as a kernel's mutant")
        changed = f"\n{text}".replace(f"\n{self.old}\n", f"\n{self.new}\n" if self.new else "\n")
        return changed[1:]


def _imports(text: str) -> Iterator[ast.Import]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import))


def read(table: str) -> list[Bug]:
    """The bugs of a table in the format of this module's docstring; an empty line ends a bug."""
    found: list[Bug] = []
    heading = ("", "", "")
    for block in table.strip("\n").split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("== "):
            part, file, tests = lines.pop(0).removeprefix("== ").split(", ")
            heading = part, file, tests
        if lines:
            old, new = ("\n".join(row[1:] for row in lines[1:] if row[0] == sign) for sign in "-+")
            found.append(Bug(*heading, lines[0], old, new))
    return found
