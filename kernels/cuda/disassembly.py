"""Machine code (SASS) of a kernel, instruction by instruction, parsed from nvdisasm's output.

    code = disassembly.kernels_of(disassembly.disassemble(binary))["_Z5fpropIf..."]
    code[7].parts, code[7].bits       ("LDG", "E", "128", "CONSTANT"), 128

nvdisasm prints a section `.text.NAME` for each kernel, with labels and one instruction per line:

    .L_x_5:
            /*0480*/                   LDG.E.128.CONSTANT R4, [R8.64] ;
            /*0570*/               @P1 BRA `(.L_x_5) ;

The mnemonic's parts say what it does and how wide: LDG reads global memory, LDS shared, LDL local
(where spills go), LDGSTS copies from global to shared; 128 is 16 bytes per thread. (NVIDIA: "CUDA
Binary Utilities", 13.0, section 4 on nvdisasm, section 6 on the instructions.)
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kernels.cuda import packages


class Instruction(NamedTuple):
    """One instruction: address, mnemonic, operands and jump targets.

    guard:    the predicate under which it is executed ("P1", "!P0"), or "".
    parts:    its mnemonic, split at the dots: ("LDG", "E", "128", "CONSTANT").
    operands: the rest of the line, as text.
    """

    address: int
    guard: str
    parts: tuple[str, ...]
    operands: str
    targets: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.parts[0]

    @property
    def bits(self) -> int:
        """Bits that a load or store moves per thread; 32 if the mnemonic names no width."""
        return next((_BITS[part] for part in self.parts[1:] if part in _BITS), 32)


_BITS = {"U8": 8, "S8": 8, "U16": 16, "S16": 16, "64": 64, "128": 128}


def disassemble(binary: bytes) -> str:
    """nvdisasm's text for a cubin; Missing if it is not installed, RuntimeError where it fails."""
    tool = packages.file_of(packages.NVDISASM, "nvdisasm")
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernels.cubin"
        cubin.write_bytes(binary)
        run = subprocess.run([str(tool), "-c", str(cubin)], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{tool} exits with {run.returncode}: {run.stderr.strip()}")
    return run.stdout


_SECTION = re.compile(r"\s*\.section\s+\.text\.(?P<name>[^,\s]+)")
_LABEL = re.compile(r"^(?P<label>[^\s/:]+):\s*$")
_INSTRUCTION = re.compile(
    r"^\s+/\*(?P<address>[0-9a-f]+)\*/\s+"
    r"(?:@(?P<guard>!?U?P\w+)\s+)?(?P<mnemonic>[A-Z][\w.]*)\s*(?P<operands>[^;]*?)\s*;"
)
_TARGET = re.compile(r"`\((?P<label>[^)]+)\)|(?P<table>\.L_x_\d+)")


def kernels_of(sass: str) -> dict[str, list[Instruction]]:
    """Name in the binary -> its instructions, in order of address."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in sass.splitlines():
        if section := _SECTION.match(line):
            lines = sections.setdefault(section["name"], [])
        lines.append(line)
    return {name: _parse(lines) for name, lines in sections.items()}


def _parse(lines: Iterable[str]) -> list[Instruction]:
    """The instructions of one section."""
    found: list[re.Match[str]] = []
    labels: dict[str, int] = {}
    waiting: list[str] = []
    for line in lines:
        if label := _LABEL.match(line):
            waiting.append(label["label"])
        elif instruction := _INSTRUCTION.match(line):
            if waiting:
                labels |= dict.fromkeys(waiting, int(instruction["address"], 16))
                waiting.clear()
            found.append(instruction)
    return [_instruction(match, labels) for match in found]


def _instruction(match: re.Match[str], labels: dict[str, int]) -> Instruction:
    address, guard, mnemonic, operands = match.groups(default="")
    targets = tuple(_targets(operands, labels)) if "`" in operands or "*" in operands else ()
    return Instruction(int(address, 16), guard, tuple(mnemonic.split(".")), operands, targets)


def _targets(operands: str, labels: dict[str, int]) -> Iterator[int]:
    """The addresses of the labels that an operand names: one for a branch, many for a switch."""
    for match in _TARGET.finditer(operands):
        label = match["label"] or match["table"]
        if label in labels:
            yield labels[label]
