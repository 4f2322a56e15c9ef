"""Output of kernels, kept apart from the report: what they print, and warnings.

While a kernel is tried, the standard output and Python's standard error are files. The report is
printed where they led before.
"""

from __future__ import annotations

import ctypes
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TextIO

from kernels.terminal.progress import say

MOST_SHOWN, MOST_LENGTH = 5, 200
"""Lines of the output that are shown, and characters of a line."""
STANDARD_OUTPUT = 1


@dataclass
class Said:
    """What was printed: the first lines, and the number of all."""

    first: list[str] = field(default_factory=list)
    lines: int = 0

    def add(self, text: str) -> None:
        for line in text.splitlines():
            if len(self.first) < MOST_SHOWN:
                self.first.append(line[:MOST_LENGTH])
            self.lines += 1

    def show(self) -> None:
        """Prints it after the report; nothing if nothing was printed."""
        if not self.lines:
            return
        all_of_it = f"; the first {MOST_SHOWN}" if self.lines > MOST_SHOWN else ""
        say(f"\nThe kernels printed {self.lines:,} line{'s' * (self.lines != 1)}{all_of_it}:")
        for line in self.first:
            say(f"  {line}")


class _Kept(io.TextIOBase):
    """A stream whose text is added to `said`, a line at a time; rich prints to the one before."""

    def __init__(self, before: TextIO, said: Said) -> None:
        self.rich_proxied_file = before
        self._said, self._begun = said, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        whole, newline, begun = (self._begun + text).rpartition("\n")
        if newline:
            self._said.add(whole or "\n")
        self._begun = begun[:MOST_LENGTH]
        return len(text)

    def end(self) -> None:
        """Adds a last line that has not ended."""
        if self._begun:
            self._said.add(self._begun)


@contextmanager
def aside(said: Said) -> Iterator[None]:
    """Context in which what is printed is added to `said`, from compiled code and from other
    processes too; `say` and progress bars print as before."""
    with ExitStack() as stack:
        descriptor = _is_standard_output(sys.stdout)
        before = stack.enter_context(_duplicate(sys.stdout)) if descriptor else sys.stdout
        streams = sys.stdout, sys.stderr
        kept = _Kept(before, said), _Kept(sys.stderr, said)
        sys.stdout, sys.stderr = kept
        try:
            with _descriptor_aside(before, said) if descriptor else nullcontext():
                yield
        finally:
            sys.stdout, sys.stderr = streams
            for one in kept:
                one.end()


def _duplicate(stream: TextIO) -> TextIO:
    """A stream to where the standard output leads now."""
    stream.flush()
    copied = os.dup(STANDARD_OUTPUT)
    return os.fdopen(copied, "w", encoding=stream.encoding, errors=stream.errors)


@contextmanager
def _descriptor_aside(before: TextIO, said: Said) -> Iterator[None]:
    """Context in which the descriptor of the standard output, which compiled code and other
    processes write to, is that of a file."""
    with tempfile.TemporaryFile("w+b") as file:
        os.dup2(file.fileno(), STANDARD_OUTPUT)
        try:
            yield
        finally:
            ctypes.CDLL(None).fflush(None)  # the buffers of C
            before.flush()
            os.dup2(before.fileno(), STANDARD_OUTPUT)
            file.seek(0)
            for line in file:
                said.add(line.decode("utf-8", "replace"))


def _is_standard_output(stream: Any) -> bool:
    try:
        return bool(stream.fileno() == STANDARD_OUTPUT)
    except (AttributeError, OSError, ValueError):
        return False
