"""Time and memory of a call, measured on the CPU (`bench/gpu.py`: on a GPU)."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[], Any]


class Instrument(ABC):
    """Time and memory of calls on one device."""

    @abstractmethod
    def seconds(self, call: Call, calls: int, before: int) -> float:
        """Mean seconds of a call over `calls` calls, after `before` calls that are not timed."""

    @abstractmethod
    def held(self) -> int | None:
        """Bytes held now; the maximum is recorded from now on. None if the system has no count."""

    @abstractmethod
    def most(self) -> int | None:
        """The maximum of bytes held since the last call of `held`; None likewise."""

    def with_peak(self, call: Call) -> tuple[Any, dict[str, int]]:
        """The call's result, and its memory in bytes: `memory`, the rise above what was held
        before it, and `peak`, the maximum held; {} where the system has no count."""
        before = self.held()
        result = call()
        peak = self.most()
        if before is None or peak is None:
            return result, {}
        return result, {"memory": max(peak - before, 0), "peak": peak}


class Processor(Instrument):
    """The CPU: the process's clock, and its resident memory as Linux counts it."""

    def seconds(self, call: Call, calls: int, before: int) -> float:
        for _ in range(before):
            call()
        began = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - began) / calls

    def held(self) -> int | None:
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return None
        return _status("VmRSS")

    def most(self) -> int | None:
        return _status("VmHWM")


def _status(name: str) -> int | None:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    return 1024 * int(found[1]) if found else None
