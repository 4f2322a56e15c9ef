"""Computing after a fork: children, their children, threads, and pools of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels.contract import layer
from tests.forked import PROGRAMS

ROOT = Path(__file__).resolve().parents[1]
LAYERS = sorted({"omp", "workqueue", layer.name()})
SECONDS = 180
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def run(program: str, threading_layer: str) -> subprocess.CompletedProcess[str]:
    """One of the programs, ended if it hangs."""
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = {"NUMBA_THREADING_LAYER": threading_layer, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-m", "tests.forked", program],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("threading_layer", LAYERS)
@pytest.mark.parametrize("program", ["children", "threads in a child", "fork beside threads"])
def test_children_compute_their_parents_bits(program: str, threading_layer: str) -> None:
    done = run(program, threading_layer)
    assert done.stdout.startswith(f"layer {threading_layer}, "), done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pools_processes_compute(method: str) -> None:
    done = run(method, layer.name())
    assert done.returncode == 0, done.stderr


def test_every_program_is_run() -> None:
    assert len(PROGRAMS) == 6
