"""Mutant: a kernel with a bug planted on purpose, written as a diff.

    == conv2d im2col: cpu/unfold.py
    the stride of rows taken for columns
    -                    w = q * stride[1] - padding[2] + s * dilation[1]
    +                    w = q * stride[0] - padding[2] + s * dilation[1]

The heading names the kernel and the file that is changed: the kernel's own, or one that it imports.
A kernel for CUDA is named "naive on cuda"; its file may be a .cu or a header. Whole lines are
replaced; a bug ends with an empty line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import kernels

FOLDER = Path(kernels.__file__).parent


@dataclass(frozen=True)
class Mutant:
    """The kernel `kernel` of `operation`, where the lines `old` of `file` read `new`.

    kind:   the bug, in a few words.
    file:   within the package `kernels`.
    device: the kernel's; "cuda" is tried in the emulator.
    """

    operation: str
    kernel: str
    kind: str
    file: str
    old: str
    new: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        on = "" if self.device == "cpu" else f" on {self.device}"
        return f"{self.operation} {self.kernel}{on}: {self.kind}"

    def source(self) -> str:
        """The file's text with the bug; ValueError unless `old` occurs exactly once."""
        text = "\n" + (FOLDER / self.file).read_text(encoding="utf-8")
        found = text.count(f"\n{self.old}\n")
        if found != 1:
            raise ValueError(
                f"the mutant {self.name!r} no longer applies: the lines that it replaces occur "
                f"{found} times in kernels/{self.file}, not once; write them anew:\n{self.old}"
            )
        new = f"\n{self.new}\n" if self.new else "\n"
        return text.replace(f"\n{self.old}\n", new)[1:]


def read(table: str) -> list[Mutant]:
    """The mutants of a table in the format of this module's docstring."""
    found: list[Mutant] = []
    heading = ("", "", "")
    for block in table.strip("\n").split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("== "):
            kernel, file = lines.pop(0).removeprefix("== ").split(": ")
            heading = (*kernel.split(" ", 1), file)  # type: ignore[assignment]
        if lines:
            found.append(_mutant(heading, lines))
    return found


def _mutant(heading: tuple[str, str, str], lines: list[str]) -> Mutant:
    operation, named, file = heading
    kernel, _, device = named.partition(" on ")
    old, new = ("\n".join(row[1:] for row in lines if row[0] == sign) for sign in "-+")
    return Mutant(operation, kernel, lines[0], file, old, new, device or "cpu")
