"""Interruption of a Python function between two of its lines, where another thread could run.

Two threads seldom meet at the line where they do harm, and kernels run under a lock (`threads.py`)
that other callers of the same function do not have. Here the other call is made at a chosen line.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any


def file_of(function: Callable[..., Any]) -> str | None:
    """The file of a Python function, or of the function that an adapter has as its `function`; None
    for one that has no lines, such as a compiled one."""
    code = getattr(inspect.unwrap(getattr(function, "function", function)), "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else None


def interrupted(
    run: Callable[[], Any], file: str, at: int, other: Callable[[], Any]
) -> tuple[Any, int]:
    """The result of `run`, with `other` called before line number `at` (in order of execution) of
    functions of `file`; and the number of lines that were executed."""
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
