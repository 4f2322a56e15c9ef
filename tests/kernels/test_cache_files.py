"""Numba's cache of compiled code, written by several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import caching

from kernels.contract.cache_files import CacheFile

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[2]
WRITERS, ENTRIES = 4, 25
PROGRAM = """
import sys
import numpy as np
import kernels
from compiled_for_the_test import twice

for dtype in sys.argv[1:]:
    x = np.arange(5, dtype=dtype)
    assert (twice(x) == 2 * x).all() and twice(x).dtype == dtype, (twice(x), dtype)
print(sum(twice.stats.cache_hits.values()))
"""
COMPILED = """
import numba

@numba.njit(cache=True)
def twice(x):
    return x + x
"""


def cache_file(folder: Path, stamp: str = "as it is") -> CacheFile:
    return CacheFile(str(folder), "function-1.py311", stamp)


def save_entries(folder: Path, writer: int, barrier: multiprocessing.synchronize.Barrier) -> None:
    barrier.wait()
    for entry in range(ENTRIES):
        cache_file(folder).save((writer, entry), f"code of {writer}, {entry}")


def test_no_entry_is_lost_or_another_ones(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(WRITERS)
    writers = [
        context.Process(target=save_entries, args=(tmp_path, i, barrier)) for i in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    for key in [(writer, entry) for writer in range(WRITERS) for entry in range(ENTRIES)]:
        assert cache_file(tmp_path).load(key) == f"code of {key[0]}, {key[1]}"
    assert len(os.listdir(tmp_path)) == WRITERS * ENTRIES + 1, "one index, and nothing temporary"


def test_code_of_changed_sources_is_not_found_and_removed(tmp_path: Path) -> None:
    cache_file(tmp_path).save("key", "before")
    (tmp_path / "function-1.py311.nbi.tmp.0123").write_text("of a killed process")
    (tmp_path / "function-10.py311.nbi").write_text("another function's")
    changed = cache_file(tmp_path, "changed")
    assert changed.load("key") is None
    changed.save("key", "after")
    assert cache_file(tmp_path, "changed").load("key") == "after"
    assert cache_file(tmp_path).load("key") is None
    assert len(os.listdir(tmp_path)) == 3


def test_a_name_that_was_removed_is_compiled_again(tmp_path: Path) -> None:
    """A process with the index of before finds no other code under the old name."""
    cache_file(tmp_path).save("key", "before")
    (old,) = tmp_path.glob("*.nbc")
    cache_file(tmp_path, "changed").save("other key", "after")
    assert not old.exists()
    assert all(file.name != old.name for file in tmp_path.glob("*.nbc"))


def test_numba_uses_these_files() -> None:
    assert caching.IndexDataCacheFile is CacheFile


def test_processes_that_compile_at_once_all_compute_their_own_type(tmp_path: Path) -> None:
    (tmp_path / "compiled_for_the_test.py").write_text(COMPILED)
    path = os.pathsep.join([str(ROOT), str(tmp_path), *sys.path])
    environment = os.environ | {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    dtypes = "float32", "float64", "int32", "int64"

    def started(*dtypes: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, *dtypes]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    for process in [started(dtype) for dtype in dtypes]:
        assert process.communicate()[0] == "0\n"
    assert started(*dtypes).communicate()[0] == f"{len(dtypes)}\n", "each was in the cache"
