"""Memory that is used again: whose it is, and how much of it there is."""

from __future__ import annotations

import gc
import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernels import memory
from kernels.pool import ALIGNMENT, LEAST, Pool

KB = 1 << 10


def address(x: np.ndarray) -> int:
    return x.__array_interface__["data"][0]


def test_memory_comes_back_when_its_last_view_is_gone() -> None:
    pool = Pool()
    x = pool.take(100 * KB)
    where, view = address(x), x[5:].view(np.uint8)[::2]
    del x
    assert address(pool.take(100 * KB)) != where
    del view
    gc.collect()
    taken = [pool.take(100 * KB) for _ in range(3)]
    assert where in [address(t) for t in taken]


@given(sizes=st.lists(st.integers(1, 300 * KB), max_size=30), keep=st.integers(1, 5))
def test_the_pool_holds_no_more_than_was_in_use_at_once(sizes: list[int], keep: int) -> None:
    pool, held = Pool(), []
    for size in sizes:
        held = [*held, pool.take(size)][-keep:]
        assert pool.usage.live + pool.usage.idle <= pool.usage.most
    assert pool.usage.live >= sum(a.nbytes for a in held)


@given(sizes=st.lists(st.integers(1, 300 * KB), min_size=1, max_size=10))
def test_arrays_are_aligned_and_do_not_overlap(sizes: list[int]) -> None:
    pool = Pool()
    arrays = [pool.take(size) for size in sizes]
    for number, array in enumerate(arrays):
        assert address(array) % ALIGNMENT == 0
        array[...] = number % 256
    assert all((a == n % 256).all() for n, a in enumerate(arrays))


def test_trim_gives_everything_idle_back() -> None:
    pool = Pool()
    kept = pool.take(100 * KB)
    del kept
    pool.take(200 * KB)
    pool.trim()
    assert pool.usage.idle == 0


def test_two_threads_never_get_the_same_memory() -> None:
    pool, wrong = Pool(), []

    def work(mark: int) -> None:
        for _ in range(200):
            x = pool.take(70 * KB)
            x[...] = mark
            if not (x == mark).all():
                wrong.append(mark)

    workers = [threading.Thread(target=work, args=(mark,)) for mark in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_small_and_large_arrays_have_the_shape_and_layout_asked_for() -> None:
    for side in (2, 200):
        x = memory.empty((2, 3, side, side), np.float32, "NHWC")
        assert x.shape == (2, 3, side, side)
        assert memory.nhwc(x).flags.c_contiguous
        assert x.nbytes < LEAST or x.base is not None
