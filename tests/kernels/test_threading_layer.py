"""Tasks of a parallel loop on TBB, and the warning where another layer runs."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from kernels.contract import layer, threads

ROOT = Path(__file__).resolve().parents[2]
on_tbb = pytest.mark.skipif(layer.name() != "tbb", reason="TBB's library is not installed")
HIDDEN = """
from importlib import metadata
metadata.files = lambda name: None  # no package has files: TBB's library is not found
from kernels.contract import layer
print(layer.name())
"""


def tasks(count: int, of: int, axes: int = 1) -> int:
    """The number of tasks of a loop of so many iterations, on `of` threads."""
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 2)
    address = layer._jumps.engine.get_function_address("tasks")
    first, last = np.full(axes, 5), np.full(axes, 5 + count - 1)
    return int(function(address)(of, axes, first.ctypes.data, last.ctypes.data))


@on_tbb
@pytest.mark.parametrize("of", [2, 3, 8])
def test_a_loop_is_cut_into_several_tasks_a_thread(of: int) -> None:
    assert tasks(1000, of) == layer.TASKS * of
    assert tasks(5, of) == 5
    assert tasks(1, of) == 1


@on_tbb
def test_one_thread_several_axes_and_a_chosen_chunk_size_are_numbas_own() -> None:
    assert (tasks(1000, 1), tasks(1000, 2, axes=2)) == (1, 2)
    before = numba.set_parallel_chunksize(10)
    try:
        assert tasks(1000, 2) == 100
    finally:
        numba.set_parallel_chunksize(before)


def test_every_iteration_of_a_loop_runs_once() -> None:
    @numba.njit(parallel=True)
    def mark(found: np.ndarray, first: int, last: int) -> None:
        for i in numba.prange(first, last):
            found[i] += 1

    before = numba.get_num_threads()
    try:
        for count in {1, 2, min(3, threads.most())}:
            numba.set_num_threads(min(count, threads.most()))
            for size in (0, 1, 2, 3, 7, 8, 9, 31, 1000):
                found = np.zeros(size + 9, np.int64)
                mark(found, 4, size + 4)
                np.testing.assert_array_equal(found, [0] * 4 + [1] * size + [0] * 5)
    finally:
        numba.set_num_threads(before)


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="PyPI has no `tbb` for it"
)
@pytest.mark.parametrize("named", [None, "omp"])
def test_another_layer_is_said_unless_it_was_named(named: str | None) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    environment.pop("NUMBA_THREADING_LAYER", None)
    if named:
        environment["NUMBA_THREADING_LAYER"] = named
    command = [sys.executable, "-c", HIDDEN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout in ("omp\n", "workqueue\n")
    assert ("pip install tbb" in done.stderr) == (named is None), done.stderr
