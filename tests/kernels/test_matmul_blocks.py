"""Matrix products larger than their kernels' blocks."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import Kernel, named
from kernels.contract.machine import NEAR_CACHES as NEAR
from kernels.matmul.few_rows import AT_ONCE, TERMS

FEW_ROWS, FEW_TERMS = (named("matmul", name, "cpu") for name in ("few_rows", "few_terms"))


def judged(kernel: Kernel, a: np.ndarray, b: np.ndarray) -> None:
    """Compares with the product in float64, element by element, within the kernel's bound."""
    shape = a.shape[0], b.shape[1], a.shape[1]
    assert kernel.supports(shape)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    terms = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    bound = kernel.error_bound(shape) * np.finfo(a.dtype).eps * terms
    assert (np.abs(kernel(a, b, shape) - expected) <= bound).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [4, 16, 33, 100])
@pytest.mark.parametrize("transposed", [True, False])
def test_a_few_rows_times_a_large_matrix(dtype: type, rows: int, transposed: bool) -> None:
    rng = np.random.default_rng(rows)
    terms = (2 * TERMS if transposed else 3 * AT_ONCE) + 21
    a = rng.standard_normal((rows, terms)).astype(dtype)
    b = rng.standard_normal((131, terms) if transposed else (terms, 131)).astype(dtype)
    judged(FEW_ROWS, a, b.T if transposed else b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("columns", "terms"), [(1104, 7), (1101, 16), (1104, 128)])
def test_a_large_result_of_few_terms(dtype: type, columns: int, terms: int) -> None:
    rng = np.random.default_rng(terms)
    rows = NEAR // (columns * np.dtype(dtype).itemsize) + 9  # large enough for non-temporal stores
    a = rng.standard_normal((terms, rows)).astype(dtype).T
    judged(FEW_TERMS, a, rng.standard_normal((terms, columns)).astype(dtype))
