"""Property "interrupted" of a kernel in another process: another call between two of its lines.

The kernel's process traces the lines of the judged file (`kernels/contract/interruption.py`), and
makes the other call before one of them, as another thread may. The judge chooses the line and
compares the results.
"""

from __future__ import annotations

from dataclasses import dataclass
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
