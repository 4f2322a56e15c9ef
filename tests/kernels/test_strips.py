"""Strips of images in Winograd's algorithm along rows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import ConvGeometry, named
from kernels.contract import memory, threads
from kernels.verify.arrays import small
from kernels.winograd.one_dimensional import SHARES, _strips, strips


@given(small(1, 9), small(3, 120), small(1, 40), st.sampled_from((1, 2)))
def test_strips_cover_an_image_and_leave_neither_of_two_threads_idle(
    N: int, side: int, C: int, stride: int
) -> None:
    g = ConvGeometry.of((N, C, side, side), (8, C, 3, 3), stride, 1)
    rows = _strips(g, 1 << 20).rows
    of_image = -(-g.P // rows)
    assert 1 <= rows <= g.P
    assert g.P - (of_image - 1) * rows > 0, "the last strip is empty"
    if N == 1 and g.P > 1:
        shares = [of_image * (part + 1) // 2 - of_image * part // 2 for part in range(2)]
        assert min(shares) >= 1, "a thread has nothing to do"


@pytest.mark.parametrize("parts", [1, 2, SHARES])
def test_an_image_is_cut_for_every_thread(parts: int) -> None:
    g = ConvGeometry.of((1, 24, 60, 60), (8, 24, 3, 3), 2)
    assert -(-g.P // _strips(g, 1 << 20).rows) % parts == 0


def test_the_cut_changes_no_bit() -> None:
    """Cut for one thread and for all, and into strips of one row."""
    rng = np.random.default_rng(3)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((1, 5, 19, 19), (7, 5, 3, 3)))
    g, most = ConvGeometry.of(x.shape, w.shape, padding=1), threads.get_num_threads()
    results, rows = [], []
    try:
        for count, chunk in product((1, most), (memory.chunk(), 1)):
            threads.set_num_threads(count)
            with memory.in_chunks(chunk):
                rows.append(strips(g).rows)
                results.append(memory.nhwc(named("conv2d", "winograd_1d")(x, w, g)).copy())
    finally:
        threads.set_num_threads(most)
    assert rows[0] > rows[1] == 1
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
