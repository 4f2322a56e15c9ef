"""Undefined behaviour in CUDA kernels, reported by the emulator with its line: cuda/faults.cu."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kernels.cuda import emulator

FAULTS = Path(__file__).parent / "cuda" / "faults.cu"

pytestmark = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")


def marked(kernel: str) -> set[tuple[str, int]]:
    """(kind, line) of the marks in a kernel of faults.cu."""
    lines = FAULTS.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if f" {kernel}(" in line)
    end = lines.index("}", start)
    found = [(re.search(r"// \[(.*)\]", line), i + 1) for i, line in enumerate(lines)]
    return {
        (kind, line)
        for mark, line in found[start:end]
        if mark is not None
        for kind in mark[1].split()
    }


def row(count: int = 64, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(count, dtype)


# What each kernel is launched with: blocks, threads, arguments, bytes of dynamic shared memory.
LAUNCHES: dict[str, tuple[int, int, list[object], int]] = {
    "missing_barrier": (1, 64, [row()], 0),
    "missing_second_barrier": (1, 64, [row()], 0),
    "missing_warp_barrier": (1, 32, [row()], 0),
    "a_shuffle_for_a_barrier": (1, 32, [row()], 0),
    "past_a_shared_array": (1, 64, [row()], 0),
    "past_a_row_of_a_shared_array": (1, 32, [row()], 0),
    "past_dynamic_shared_memory": (1, 64, [row()], 256),
    "past_a_global_array": (2, 64, [row(100), row(100), np.int32(100)], 0),
    "before_a_global_array": (1, 64, [row(), row()], 0),
    "through_a_null_pointer": (1, 64, [None, row()], 0),
    "barrier_in_a_branch": (1, 64, [row()], 0),
    "barriers_in_two_branches": (1, 64, [row()], 0),
    "return_before_a_barrier": (1, 64, [row(), np.int32(60)], 0),
    "loops_of_different_lengths": (1, 64, [row()], 0),
    "never_written": (1, 64, [row()], 0),
    "never_written_by_this_block": (2, 64, [row(128)], 0),
    "misaligned_load": (1, 16, [row(), row()], 0),
    "misaligned_shared_store": (1, 16, [row()], 0),
    "misaligned_dynamic_store": (1, 16, [row()], 256),
    "two_blocks_write_one_place": (2, 64, [row()], 0),
    "a_block_reads_what_another_writes": (2, 64, [row(128)], 0),
    "plain_beside_atomic": (1, 64, [row(1, np.int32)], 0),
    "writes_what_is_const": (1, 64, [row(), row()], 0),
    "a_lane_stays_away": (1, 32, [row()], 0),
    "a_mask_without_the_caller": (1, 32, [row()], 0),
    "from_a_lane_outside_the_mask": (1, 32, [row()], 0),
    "division_by_zero": (1, 32, [row(64, np.int32), np.int32(0)], 0),
    "too_much_shared_memory": (1, 32, [row()], 0),
    "without_end": (1, 32, [row()], 0),
    "another_threads_local_memory": (1, 32, [row()], 0),
    "trapped": (1, 32, [row()], 0),
}


def run(kernel: str) -> None:
    blocks, threads, arguments, shared = LAUNCHES[kernel]
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    emulator.launch(FAULTS, kernel, (blocks, 1, 1), (threads, 1, 1), copies, shared)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kernel", LAUNCHES)
def test_each_fault_is_named_with_its_line(kernel: str, seed: int) -> None:
    with (
        emulator.schedule(seed),
        emulator.patience(0.1),
        pytest.raises(emulator.Undefined) as caught,
    ):
        run(kernel)
    error = caught.value
    assert (error.kind, error.line) in marked(kernel), str(error)
    assert error.path == str(FAULTS)
