"""Time and memory that a call takes, on the processor; `bench/gpu.py` has those of a GPU."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[], Any]


class Instrument(ABC):
    """Measures calls that compute in one place."""

    @abstractmethod
    def seconds(self, call: Call, calls: int, before: int) -> float:
        """Seconds a call over so many `calls`, after so many `before` them."""

    @abstractmethod
    def held(self) -> int | None:
        """Bytes held now, from which on the highest is kept; None if the system cannot tell."""

    @abstractmethod
    def most(self) -> int | None:
        """The most bytes held since `held` was asked; None likewise."""

    def with_peak(self, call: Call) -> tuple[Any, dict[str, int]]:
        """What the call returns, and the memory that it took: how far it raised what was held, and
        the most that was; nothing where the system cannot tell."""
        before = self.held()
        result = call()
        peak = self.most()
        if before is None or peak is None:
            return result, {}
        return result, {"memory": max(peak - before, 0), "peak": peak}


class Processor(Instrument):
    """The process's clock and resident memory, which Linux knows."""

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
