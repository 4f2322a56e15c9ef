"""Vector instructions that no property of a kernel tests by itself."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from kernels.cpu.vector import lanes, lanes_of, turn

pytestmark = pytest.mark.quick


@numba.njit
def _transposed(x, rows, y, columns):  # type: ignore[no-untyped-def]
    turn(x, 3, rows, y, 1, columns)
    return lanes_of(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_square_is_transposed_and_nothing_else_is_written(dtype: Any) -> None:
    size = lanes(np.dtype(dtype))
    x = np.arange(3 + size * (size + 5), dtype=dtype)
    y = np.full(1 + size * (size + 2), -1, dtype)
    assert _transposed(x, size + 5, y, size + 2) == size
    square = x[3:].reshape(size, size + 5)[:, :size]  # (rows,L+5) -> (L,L)
    expected = np.full((size, size + 2), -1, dtype)
    expected[:, :size] = square.T
    np.testing.assert_array_equal(y, [-1, *expected.ravel()])
