"""Outer products of tiles of every height."""

import numba
import numpy as np
import pytest

from kernels.cpu.micro_kernel import SHORT, TALL, outer_rows
from kernels.cpu.vector import LINE, lanes

pytestmark = pytest.mark.quick

WIDE = 2 * lanes(np.float32)


@numba.njit
def _product(rows, a, b, c, steps, add):  # type: ignore[no-untyped-def]
    outer_rows(rows, a, 0, TALL * LINE, b, 0, c, 0, WIDE, steps, 0, add, 0)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("rows", range(SHORT, TALL + 1, SHORT))
def test_as_many_rows_as_were_asked_for_are_multiplied(rows: int, add: bool) -> None:
    rng, steps = np.random.default_rng(0), 3
    # Small whole numbers: every sum is exact.
    lines, b = (
        rng.integers(-8, 9, shape).astype(np.float32)
        for shape in ((steps, TALL, LINE), (steps * LINE, WIDE))
    )
    before = rng.integers(-8, 9, (TALL, WIDE)).astype(np.float32)
    c = before.copy()
    _product(rows, lines.reshape(-1), b.reshape(-1), c.reshape(-1), steps, add)
    a = lines.transpose(1, 0, 2).reshape(TALL, -1)  # (steps,TALL,LINE) -> (TALL,16 steps)
    expected = a @ b + before * add
    assert np.array_equal(c[:rows], expected[:rows])
    assert np.array_equal(c[rows:], before[rows:]), "rows below are left alone"
