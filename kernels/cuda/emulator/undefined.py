"""Error messages for undefined behaviour of a kernel, with the kernel's line."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kernels.cuda.emulator.build import HERE
from kernels.cuda.emulator.native import Kernel, Point, Report

KINDS = (
    "",
    "race",
    "outside",
    "uninitialised",
    "barrier",
    "warp",
    "misaligned",
    "index",
    "arithmetic",
    "constant",
    "shared",
    "endless",
    "crash",
    "trap",
)
_MODES = ("touches", "reads", "writes", "changes atomically")
_DID = ("touched", "read", "wrote", "changed atomically")

Index = tuple[int, int, int]
Owner = tuple[int, ...] | str
"""Of an array: the arguments in which it was passed, or words for it."""


class Undefined(RuntimeError):
    """Undefined behaviour of a kernel, as CUDA defines it.

    `kind` is one of KINDS; `path` and `line` are the position in the source (line 0 if unknown),
    `block` and `thread` the thread that did it; `other_line`, `other_block` and `other_thread` are
    those of the second thread of two.
    """

    def __init__(self, kernel: Kernel, report: Report, owners: Sequence[Owner]) -> None:
        self.kind = KINDS[report.kind]
        self.path, self.line = _place(kernel, report.here)
        self.block, self.thread = _index(report.here.block), _index(report.here.thread)
        self.other_line: int | None = None
        self.other_block: Index | None = None
        self.other_thread: Index | None = None
        if report.has_other:
            _, self.other_line = _place(kernel, report.other)
            self.other_block = _index(report.other.block)
            self.other_thread = _index(report.other.thread)
        self.where = _where(report, owners)
        who = f"thread {self.thread} of block {self.block}"
        what = _SAY[self.kind](self, report)
        super().__init__(
            f"{_shown(self.path, self.line)}: {self.kind}: in {kernel.name}, {who} {what}"
        )


def _index(values: Sequence[int]) -> Index:
    x, y, z = values
    return x, y, z


def _shown(path: str, line: int) -> str:
    return f"{path}:{line}" if line else f"{path}, a line that is not known"


def _place(kernel: Kernel, point: Point) -> tuple[str, int]:
    if point.file:
        return point.file.decode(), point.line
    if kernel.low <= point.pc < kernel.high:
        return _line_of(kernel, point.pc - kernel.low)
    return str(kernel.source), 0


def _line_of(kernel: Kernel, offset: int) -> tuple[str, int]:
    """The line of an instruction; of inlined functions the innermost of the kernel's source."""
    if not shutil.which("addr2line"):
        return f"{kernel.source} (install binutils for addr2line)", 0
    command = ["addr2line", "-i", "-e", str(kernel.built), hex(offset)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in run.stdout.splitlines():
        path, _, number = line.split(" (discriminator")[0].rpartition(":")
        if number.isdigit() and not path.startswith("?") and Path(path).parent != HERE:
            return path, int(number)
    return str(kernel.source), 0


def _where(report: Report, owners: Sequence[Owner]) -> str:
    """The position in an array or shared variable, or the distance to the nearest."""
    if not report.offset_known:
        return _text(report)
    if report.shared:
        what = f"the shared variable `{report.shared.decode()}`"
    else:
        what = _array(owners[report.array])
    what = f"{what} ({report.extent} bytes)"
    if report.offset < 0:
        return f"{-report.offset} bytes before {what}"
    if report.offset >= report.extent:
        beyond = report.offset - report.extent
        return f"{f'{beyond} bytes' if beyond else 'right'} past the end of {what}"
    return f"at byte {report.offset} of {what}"


def _array(owner: Owner) -> str:
    if isinstance(owner, str):
        return owner
    return f"the array in argument{'s' * (len(owner) > 1)} {' and '.join(map(str, owner))}"


def _text(report: Report) -> str:
    return report.text.decode() if report.text else ""


def _access(error: Undefined, report: Report) -> str:
    return f"{_MODES[report.here.mode]} {report.size} bytes {error.where}"


def _other(error: Undefined, did: str) -> str:
    line = f" at line {error.other_line}" if error.other_line else ""
    block = "" if error.other_block == error.block else f" of block {error.other_block}"
    return f"thread {error.other_thread}{block} {did}{line}"


def _race(error: Undefined, report: Report) -> str:
    same = error.other_block == error.block
    order = "no barrier stands between them" if same else "blocks have no order"
    other = _other(error, _DID[report.other.mode])
    return f"{_access(error, report)}, which {other}: {order}"


def _uninitialised(error: Undefined, report: Report) -> str:
    return f"{_access(error, report)}, which this block has not written"


def _barrier(error: Undefined, report: Report) -> str:
    missing = _other(error, f"does not reach: it {_text(report)}")
    return f"waits at a barrier that {missing}"


def _warp(error: Undefined, report: Report) -> str:
    if not report.has_other:
        lane = f" {report.number}" if _text(report).endswith("lane") else ""
        return f"calls a warp operation: {_text(report)}{lane}"
    missing = _other(error, _text(report))
    return f"waits in a warp operation with mask {report.mask:#x}, but {missing}"


def _misaligned(error: Undefined, report: Report) -> str:
    kind = f" as {report.type.decode()}" if report.type else ""
    return (
        f"{_MODES[report.here.mode]} {error.where}{kind}, which needs an address that is a "
        f"multiple of {report.size}; a shared variable has that if it is declared with "
        f"__align__({report.size})"
    )


def _subscript(error: Undefined, report: Report) -> str:
    return f"takes element {report.number} of a {report.type.decode()}"


def _constant(error: Undefined, report: Report) -> str:
    return f"{_access(error, report)}, which it was given as const"


def _too_much(error: Undefined, report: Report) -> str:
    return (
        f"declares `{report.shared.decode()}`: {report.number} bytes of static shared memory; a "
        "block may have 49152, and 232448 with the dynamic"
    )


def _crash(error: Undefined, report: Report) -> str:
    return f"was stopped by signal {report.number} {_text(report)}".rstrip()


_SAY = {
    "race": _race,
    "outside": _access,
    "uninitialised": _uninitialised,
    "barrier": _barrier,
    "warp": _warp,
    "misaligned": _misaligned,
    "index": _subscript,
    "arithmetic": lambda error, report: f"does {_text(report)}",
    "constant": _constant,
    "shared": _too_much,
    "endless": lambda error, report: "runs without reaching a barrier or its end",
    "crash": _crash,
    "trap": lambda error, report: "calls __trap()",
}
