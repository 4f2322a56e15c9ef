"""Hardware counters of this process's threads, by Linux's perf_event_open: `man perf_event_open`.

Instructions, cycles and misses of the last-level cache, in user space alone, which an ordinary user
may count where kernel.perf_event_paranoid is 2 or less and the processor shows its counters. A
virtual machine often does not.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import struct
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = {"x86_64": 298, "aarch64": 241}
"""The number of the system call by the processor's kind."""
EVENTS = {"cycles": (0, 0), "instructions": (0, 1), "cache_misses": (0, 3)}
"""perf_type_id (0, of hardware) and perf_hw_id by what is counted."""
SIZE, FLAGS = 112, 1 << 0 | 1 << 5 | 1 << 6
"""Bytes of perf_event_attr; its flags disabled, exclude_kernel and exclude_hv."""
TIMES = 1 | 2
"""read_format: with a count the times during which it was enabled and really running."""
ENABLE, DISABLE = 0x2400, 0x2401


class NotCounted(Exception):
    """The system does not let this process read the counters: the reason in a sentence."""


@dataclass(frozen=True)
class Counts:
    """Events of one call, of all threads."""

    cycles: float
    instructions: float
    cache_misses: float

    @property
    def per_cycle(self) -> float:
        """Instructions a cycle."""
        return self.instructions / self.cycles if self.cycles else 0.0


def reason() -> str:
    """Why counters cannot be read here, as a sentence; "" where they can."""
    try:
        counted(lambda: None, 1)
    except NotCounted as error:
        return str(error)
    return ""


def counted(call: Callable[[], Any], calls: int) -> Counts:
    """The events of a call, the mean of `calls`, in all threads that the process has now.

    NotCounted says why there are none.
    """
    with ExitStack() as stack:
        opened: dict[str, list[int]] = {name: [] for name in EVENTS}
        for thread in _threads():
            for name, event in EVENTS.items():
                number = _opened(event, thread)
                stack.callback(os.close, number)
                opened[name].append(number)
        every = [number for numbers in opened.values() for number in numbers]
        for number in every:
            fcntl.ioctl(number, ENABLE, 0)
        for _ in range(calls):
            call()
        for number in every:
            fcntl.ioctl(number, DISABLE, 0)
        sums = {name: sum(map(_value, numbers)) for name, numbers in opened.items()}
    return Counts(**{name: value / calls for name, value in sums.items()})


def _threads() -> list[int]:
    if sys.platform != "linux" or platform.machine() not in CALLS:
        raise NotCounted("hardware counters are read on Linux alone, on x86-64 and AArch64")
    return [int(path.name) for path in Path("/proc/self/task").iterdir()]


def _opened(event: tuple[int, int], thread: int) -> int:
    """The descriptor of a counter of one thread on any core."""
    kind, config = event
    head = struct.pack("=IIQQQQQ", kind, SIZE, config, 0, 0, TIMES, FLAGS)
    attributes = ctypes.create_string_buffer(head, SIZE)
    system = ctypes.CDLL(None, use_errno=True).syscall
    number = CALLS[platform.machine()]
    found = int(system(number, attributes, thread, -1, -1, 0))
    if found < 0:
        raise NotCounted(_sentence(ctypes.get_errno()))
    return found


def _sentence(error: int) -> str:
    level = Path("/proc/sys/kernel/perf_event_paranoid")
    allowed = level.read_text().strip() if level.is_file() else "unknown"
    return (
        f"hardware counters cannot be read here ({os.strerror(error)}): the processor or its "
        f"virtual machine must show them, and kernel.perf_event_paranoid, now {allowed}, must be "
        "2 or less"
    )


def _value(number: int) -> float:
    """A count; where the counter was shared, as if it had run all the time."""
    count, enabled, running = struct.unpack("=QQQ", os.read(number, 24))
    return float(count) * enabled / running if running else 0.0
