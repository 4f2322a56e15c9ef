"""The processor that kernels are compiled for, and the cache of its compiled code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from kernels.contract import machine
from kernels.contract.machine import Machine

pytestmark = [
    pytest.mark.quick,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"), reason="the names are of x86 processors"
    ),
]
NAMED = {
    "generic": Machine(16, 16),
    "sandybridge": Machine(16, 16),
    "haswell": Machine(32, 16),
    "skylake-avx512": Machine(64, 32),
    "znver4": Machine(64, 32),
}
PROGRAM = """
import sys
import numba
import numpy as np
from kernels.contract.machine import MACHINE
from kernels.cpu.vector import lanes_of

@numba.njit(cache=True)
def compiled(x):
    return lanes_of(x)

lanes = compiled(np.zeros(1, np.float32))
print(MACHINE.width, lanes, sum(compiled.stats.cache_hits.values()), sep=",")
"""


@pytest.mark.parametrize("name", NAMED)
def test_a_name_says_the_registers(name: str) -> None:
    assert machine.described(name, "") == NAMED[name]


def test_features_count_where_they_are_given() -> None:
    assert machine.described("haswell", "+avx512f") == Machine(64, 32)
    assert machine.described("znver4", "-avx512f") == Machine(32, 16)


def test_compiled_code_is_kept_for_each_processor_by_itself(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    def run(name: str) -> list[int]:
        """Bytes of a vector, its elements in compiled code, and hits of the cache on disk."""
        settings = {"NUMBA_CPU_NAME": name, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CPU_FEATURES"}
        environment |= settings | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, program], env=environment, capture_output=True, text=True, check=True
        )
        return [int(word) for word in done.stdout.split(",")]

    assert run("haswell") == [32, 8, 0]
    assert run("generic") == [16, 4, 0]
    assert run("haswell") == [32, 8, 1]
