"""Pieces of work: by the problem alone, enough for several threads, and every element in one."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import named
from kernels.contract.threads import MOST_PIECES, pieces
from kernels.cpu.direct import BLOCK, balanced
from kernels.cpu.gemm import gemm, grid
from kernels.cpu.micro_kernel import MR
from kernels.matmul.dots import COLUMNS

EPS = float(np.finfo(np.float32).eps)


def test_work_is_cut_into_two_pieces_at_least_and_no_more_than_it_has_units() -> None:
    assert [pieces(units) for units in (0, 1, 2, 5, 100)] == [1, 1, 2, 5, MOST_PIECES]
    assert [pieces(units, 10) for units in (1, 5, 29, 30, 100)] == [1, 2, 2, 3, 10]


@pytest.mark.parametrize("positions", [1, 6, 13, 49, 196, 784, 3136, 50_176])
def test_blocks_of_pixels_are_whole_tiles_and_leave_no_thread_of_two_idle(positions: int) -> None:
    block, blocks = balanced(positions)
    assert block % MR == 0
    assert MR <= block <= BLOCK
    assert block * (blocks - 1) < positions <= block * blocks
    assert blocks >= min(2, -(-positions // MR))


@pytest.mark.parametrize("sizes", [(1, 1), (3, 1000), (1000, 3), (300, 300), (4096, 4096)])
def test_a_product_by_blas_is_cut_for_two_threads_and_more_where_it_is_large(
    sizes: tuple[int, int],
) -> None:
    down, across = grid(*sizes)
    assert 2 <= down * across <= MOST_PIECES
    assert down * across > 2 or max(sizes) < 4096


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("shape", [(2, COLUMNS + 9, 30), (1, 2 * COLUMNS + 1, 6), (2, 5, 3)])
def test_a_product_of_few_rows_is_right_in_every_piece(
    shape: tuple[int, int, int], layout: str
) -> None:
    check(named("matmul", "dots"), shape, layout)


def test_a_product_by_blas_is_right_in_every_piece() -> None:
    for M, N in ((2, 1), (1, 2), (900, 3), (3, 900), (65, 67)):
        check(lambda a, b, _: gemm(a, b), (M, N, 40), "C")


def check(multiply, shape: tuple[int, int, int], layout: str) -> None:  # type: ignore[no-untyped-def]
    """The product of drawn matrices is within the bound of a sum of K terms."""
    M, N, K = shape
    rng = np.random.default_rng(M + N)
    a = rng.standard_normal((M, K), np.float32)
    b = np.asarray(rng.standard_normal((K, N), np.float32), order=layout)  # type: ignore[call-overload]
    error = np.abs(multiply(a, b, shape) - a.astype(np.float64) @ b)
    assert (error <= (K + 1) * EPS * (np.abs(a).astype(np.float64) @ np.abs(b))).all()
