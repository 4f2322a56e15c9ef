"""Outer products of tiles of every height."""

import numba
import numpy as np
import pytest

from kernels.cpu.micro_kernel import MR, MR_STEP, outer_packed_rows
from kernels.cpu.micro_kernel_in_place import HEIGHTS, outer_rows
from kernels.cpu.vector import KR, lanes

pytestmark = pytest.mark.quick

WIDE = 2 * lanes(np.float32)


@numba.njit
def _product(rows, a, b, c, steps, add):  # type: ignore[no-untyped-def]
    outer_packed_rows(rows, a, 0, MR * KR, b, 0, c, 0, WIDE, steps, 0, add, 0)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("rows", range(MR_STEP, MR + 1, MR_STEP))
def test_as_many_rows_as_were_asked_for_are_multiplied(rows: int, add: bool) -> None:
    rng, steps = np.random.default_rng(0), 3
    # Small whole numbers: every sum is exact.
    lines, b = (
        rng.integers(-8, 9, shape).astype(np.float32)
        for shape in ((steps, MR, KR), (steps * KR, WIDE))
    )
    before = rng.integers(-8, 9, (MR, WIDE)).astype(np.float32)
    c = before.copy()
    _product(rows, lines.reshape(-1), b.reshape(-1), c.reshape(-1), steps, add)
    a = lines.transpose(1, 0, 2).reshape(MR, -1)  # (steps,MR,KR) -> (MR,16 steps)
    expected = a @ b + before * add
    assert np.array_equal(c[:rows], expected[:rows])
    assert np.array_equal(c[rows:], before[rows:]), "rows below are left alone"


@numba.njit
def _in_place(rows, a, starts, run, b, bias, rectify, c, count):  # type: ignore[no-untyped-def]
    row = starts.size * run
    outer_rows(rows, a, 0, row, starts, run, b, 0, bias, 0, rectify, c, 0, WIDE, count, 0)


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("rows", HEIGHTS)
def test_as_many_rows_and_columns_as_were_asked_for_are_written(rows: int, rectify: bool) -> None:
    rng, run = np.random.default_rng(0), 11  # no multiple of those that are unrolled
    starts = np.array([0, run])
    a, b, bias, before = (
        rng.integers(-8, 9, shape).astype(np.float32)
        for shape in ((MR, 2 * run), (2 * run, WIDE), (WIDE,), (MR, WIDE))
    )
    expected = a @ b + bias
    expected = np.maximum(expected, 0) if rectify else expected
    for count in (1, WIDE // 2 - 1, WIDE // 2, WIDE // 2 + 1, WIDE - 1, WIDE, WIDE + 5):
        c, written = before.copy(), min(count, WIDE)
        _in_place(rows, a.reshape(-1), starts, run, b.reshape(-1), bias, rectify, c.reshape(-1),
                  count)  # fmt: skip
        assert np.array_equal(c[:rows, :written], expected[:rows, :written])
        assert np.array_equal(c[rows:], before[rows:]), "rows below are left alone"
        assert np.array_equal(c[:, written:], before[:, written:]), "and columns beyond"
