"""Findings of the sanitizers, and of the emulator of CUDA, in what a process printed."""

from __future__ import annotations

import re
from pathlib import Path

_ADDRESS = re.compile(r"ERROR: AddressSanitizer: (?P<what>[\w-]+(?: on unknown address)?)")
_UNDEFINED = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: runtime error: (?P<what>.*)$")
_EMULATOR = re.compile(r"^emulator: (?:/[^\s:]*/)?(?P<what>.*)$")
_REPORT = re.compile(
    r"(AddressSanitizer:DEADLYSIGNAL\n)?=+\n==\d+==ERROR: AddressSanitizer.*?(==\d+==ABORTING|\Z)",
    re.DOTALL,
)
_PLACE = re.compile(r" in (?P<function>.+?) (?P<file>/[^\s:]+):(?P<line>\d+)")


def finding(output: str) -> str | None:
    """The first finding in a sentence, with the line of the source; None if there is none."""
    lines = output.splitlines()
    for number, line in enumerate(lines):
        if found := _UNDEFINED.match(line):
            place = f"{Path(found['file']).name}:{found['line']}"
            return f"the kernel has undefined behaviour: {found['what']} ({place})"
        if found := _EMULATOR.match(line):
            return f"the kernel has undefined behaviour: {found['what']}"
        if found := _ADDRESS.search(line):
            return f"the kernel {_in_words(found['what'])}{_place(lines[number:])}"
    return None


def _in_words(what: str) -> str:
    if what.startswith("SEGV"):
        return "reads or writes outside of its operands"
    return f"reads or writes outside of its memory: {what}"


def _place(lines: list[str]) -> str:
    for line in lines:
        if found := _PLACE.search(line):
            return f" ({Path(found['file']).name}:{found['line']})"
    return ""


def without_reports(output: str) -> str:
    """The output without what the address sanitizer printed, which `finding` has read."""
    return _REPORT.sub("", output)
