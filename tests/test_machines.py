"""Other processors and other numbers of threads: a sample of the properties holds there too.

CI has one machine. LLVM compiles for others of its kind, so `machines.py` is run as if on one with
AVX2 (haswell) and on one with nothing beyond SSE2 (generic), both at once, each with 1, 2, 3
and 8 threads.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = "haswell", "generic"
pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the names are of x86 processors"
)
Runs = dict[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """The sample on all of them, begun together."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CPU_FEATURES"}
    environment |= {"NUMBA_NUM_THREADS": "8", "PYTHONPATH": os.pathsep.join(sys.path)}
    begun = {
        name: subprocess.Popen(
            [sys.executable, "-m", "tests.machines"],
            cwd=ROOT,
            env=environment | {"NUMBA_CPU_NAME": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in NAMES
    }
    yield begun
    for process in begun.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_of_the_properties_holds_on(name: str, runs: Runs) -> None:
    said, _ = runs[name].communicate()
    assert said.startswith(f"{name}: Machine(width={16 if name == 'generic' else 32}, "), said
    assert runs[name].returncode == 0, said
