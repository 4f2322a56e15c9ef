"""Busy process beside the contenders (`--busy`): what another user of the machine looks like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:  # it ends with the benchmark, however that ends
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Within it so many processes compute without a pause, one thread each, on any core."""
    running = [subprocess.Popen([sys.executable, "-S", "-c", LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
