"""Predicted occupancy, against values computed by hand from the table of a GPU's resources."""

from __future__ import annotations

import pytest

from kernels.cuda.occupancy import MULTIPROCESSORS, Occupancy, predicted

pytestmark = pytest.mark.quick

KIB = 1 << 10


@pytest.mark.parametrize(
    ("arch", "threads", "registers", "shared", "blocks", "bounds"),
    [
        # 128 x 32 = 4096 registers per warp: 65536 / 4096 = 16 warps, 8 per block.
        ("sm_80", 256, 128, 0, 2, ("registers",)),
        # 33 x 32 = 1056, which takes 1280: 12 warps in each part of 16384, 48 in all.
        ("sm_80", 256, 33, 0, 6, ("registers",)),
        # 88 x 32 = 2816: 5 warps per part, 20 in all, though 65536 / 2816 is 23; 2 per block.
        ("sm_80", 64, 88, 0, 10, ("registers",)),
        # 32 x 32 = 1024: 64 warps, which is also all that there may be.
        ("sm_90", 256, 32, 0, 8, ("warps", "registers")),
        # Blocks of one warp: their number is limited, to half of the warps.
        ("sm_80", 32, 16, 0, 32, ("blocks",)),
        ("sm_86", 32, 16, 0, 16, ("blocks",)),
        ("sm_89", 32, 16, 0, 24, ("blocks",)),
        # 48 KiB and the system's KiB: 164 / 49 and 228 / 49.
        ("sm_80", 128, 32, 48 * KIB, 3, ("shared memory",)),
        ("sm_90", 128, 32, 48 * KIB, 4, ("shared memory",)),
        # One byte takes 128, and the system 1024: 167936 / 1152 is more than there may be blocks.
        ("sm_80", 64, 32, 1, 32, ("warps", "blocks", "registers")),
        # Most of what a block may have, and one byte more.
        ("sm_80", 128, 32, 163 * KIB, 1, ("shared memory",)),
        ("sm_80", 128, 32, 163 * KIB + 1, 0, ("shared memory",)),
        # 65 x 32 = 2080, which takes 2304, times 32 warps: more than 65536.
        ("sm_80", 1024, 65, 0, 0, ("registers",)),
        # 5 warps count as 8: 8 x 8192 = 65536 just fits. 256 registers a thread may not have.
        ("sm_80", 160, 255, 0, 1, ("registers",)),
        ("sm_80", 160, 256, 0, 0, ("registers",)),
        # 33 threads are two warps: 64 / 2.
        ("sm_90", 33, 16, 0, 32, ("warps", "blocks")),
        ("sm_90", 1025, 16, 0, 0, ("warps",)),
    ],
)
def test_occupancy_is_what_the_tables_give(
    arch: str, threads: int, registers: int, shared: int, blocks: int, bounds: tuple[str, ...]
) -> None:
    found = predicted(arch, threads, registers, shared)
    assert (found.blocks, found.bounds) == (blocks, bounds)


def test_occupancy_is_the_part_of_all_warps() -> None:
    assert predicted("sm_80", 256, 128, 0) == Occupancy(2, 16, 64, ("registers",))
    assert predicted("sm_80", 256, 128, 0).fraction == 16 / 64


@pytest.mark.parametrize("arch", MULTIPROCESSORS)
def test_more_registers_never_hold_more_blocks(arch: str) -> None:
    blocks = [predicted(arch, 192, registers, 0).blocks for registers in range(256)]
    assert blocks == sorted(blocks, reverse=True)


def test_an_unknown_architecture_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"'sm_35'.*sm_80, sm_86, sm_89, sm_90"):
        predicted("sm_35", 256, 32, 0)
