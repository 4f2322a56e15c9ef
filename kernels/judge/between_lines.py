"""Property "interrupted" of a kernel in another process: another call between two of its lines.

The kernel's process traces the lines of the judged file, and makes the other call before one of
them, as another thread may. The judge chooses the line and compares the results.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

NAME = "interrupted"
BEFORE_NONE = -1
"""The line of a call that is traced only."""


@dataclass
class Interruption:
    """Another call, before so many executed lines of the file; lines: how many there were."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]
    at: int
    lines: int = 0


def file_of(function: Any) -> str | None:
    """The file of a Python function, or of the function that an adapter calls; None for another."""
    code = getattr(inspect.unwrap(getattr(function, "function", function)), "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else None


def traced(run: Callable[[], Any], file: str, at: int, other: Callable[[], Any]) -> tuple[Any, int]:
    """The result of `run`, with `other` called before executed line number `at` of the file, and
    the number of lines."""
    lines, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            if lines == at:
                sys.settrace(None)
                other()
                sys.settrace(trace)
            lines += 1
        return trace

    sys.settrace(trace)
    try:
        return run(), lines
    finally:
        sys.settrace(before)
