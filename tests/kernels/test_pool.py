"""Free-list allocator: ownership and size of the memory that it reuses."""

from __future__ import annotations

import gc
import itertools
import mmap
import threading
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from kernels.contract import memory
from kernels.contract.pool import ALIGNMENT, HUGE, LEAST, SLACK, WHILE, Pool, Spans

pytestmark = pytest.mark.quick

KB = 1 << 10


def address(x: np.ndarray) -> int:
    return x.__array_interface__["data"][0]


def taken_from(pool: Pool, nbytes: int) -> np.ndarray:
    return pool.take((nbytes,), np.dtype(np.uint8))


def test_memory_comes_back_when_its_last_view_is_gone() -> None:
    pool = Pool()
    x = taken_from(pool, 100 * KB)
    where, view = address(x), x[5:].view(np.uint8)[::2]
    del x
    assert address(taken_from(pool, 100 * KB)) != where
    del view
    gc.collect()
    taken = [taken_from(pool, 100 * KB) for _ in range(3)]
    assert where in [address(t) for t in taken]


@given(sizes=st.lists(st.integers(1, 90 << 20), max_size=30), keep=st.integers(1, 5))
def test_the_pool_holds_little_more_than_was_in_use_at_once(sizes: list[int], keep: int) -> None:
    pool, held = Pool(), []
    for size in sizes:
        held = [*held, taken_from(pool, size)][-keep:]
        ragged = 2 * HUGE * (keep + 2)  # both ends of every free block
        assert pool.usage.live + pool.usage.idle <= 1.125 * pool.usage.most + SLACK + ragged
    assert pool.usage.live >= sum(a.nbytes for a in held)


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(1, 20)), max_size=30)
)
def test_spans_are_a_set(steps: list[tuple[bool, int, int]]) -> None:
    spans, expected = Spans(), set()
    for adding, begin, size in steps:
        if adding:
            spans.add(begin, begin + size)
            expected |= set(range(begin, begin + size))
        else:
            spans.remove(begin, begin + size)
            expected -= set(range(begin, begin + size))
        found = list(zip(spans.begins, spans.ends, strict=True))
        assert {i for a, b in found for i in range(a, b)} == expected
        assert spans.size == len(expected)
        assert all(a < b for a, b in found)
        assert all(b < a for (_, b), (a, _) in itertools.pairwise(found)), "not joined, or unsorted"


@given(sizes=st.lists(st.integers(1, 9), max_size=9), wanted=st.integers(1, 12))
def test_the_first_span_that_is_large_enough_is_taken(sizes: list[int], wanted: int) -> None:
    spans, begin, places = Spans(), 0, []
    for size in sizes:
        spans.add(begin, begin + size)
        places.append((begin, size))
        begin += size + 1
    before = spans.size
    found = spans.take(wanted)
    assert found == next((b for b, size in places if size >= wanted), None)
    assert spans.size == before - (0 if found is None else wanted)


def test_a_round_of_arrays_that_repeats_needs_no_fresh_page() -> None:
    pool = Pool()
    sizes = [300, 7000, 100, 4000, 900, 9000, 700, 7000, 300, 60]

    def around() -> int:
        held: list[np.ndarray] = []
        for size in sizes:
            held = [*held, taken_from(pool, size * KB)][-3:]
        return pool.usage.live + pool.usage.idle

    around()
    before = around()
    assert all(around() == before for _ in range(5))


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="pages cannot be given back here")
def test_what_is_given_back_comes_again_as_zeros() -> None:
    pool = Pool()
    kept = taken_from(pool, 3 * HUGE)
    kept[...] = 7
    large = taken_from(pool, 5 * HUGE)
    large[...] = 7
    del large
    pool.trim()
    assert pool.usage.idle <= 2 * HUGE
    assert (kept == 7).all(), "what is in use was given back"
    assert not taken_from(pool, 5 * HUGE)[HUGE : 3 * HUGE].any()


@given(sizes=st.lists(st.integers(1, 300 * KB), min_size=1, max_size=10))
def test_arrays_are_aligned_and_do_not_overlap(sizes: list[int]) -> None:
    pool = Pool()
    arrays = [taken_from(pool, size) for size in sizes]
    for number, array in enumerate(arrays):
        assert address(array) % ALIGNMENT == 0
        array[...] = number % 256
    assert all((a == n % 256).all() for n, a in enumerate(arrays))


@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), min_size=4, max_size=25),
)
def test_large_arrays_in_use_have_memory_of_their_own(steps: list[tuple[int, int]]) -> None:
    """Only addresses are compared, so that no page is touched."""
    pool, held = Pool(), list[np.ndarray]()
    for megabytes, kept in steps:
        held = [*held[-kept:], taken_from(pool, megabytes << 20)] if kept else []
        spans = sorted((address(a), address(a) + a.nbytes) for a in held)
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))


@pytest.mark.parametrize("megabytes", [1, 17, 32, 48])
def test_a_block_that_was_returned_is_handed_out_once(megabytes: int) -> None:
    pool = Pool()
    first = taken_from(pool, megabytes << 20)
    where = address(first)
    del first
    again, other = (taken_from(pool, megabytes << 20) for _ in range(2))
    assert address(again) == where
    assert abs(address(other) - where) >= megabytes << 20


def resident() -> int:
    """Bytes of this process that have pages."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="no file says what is resident")
@pytest.mark.parametrize("sizes", [(300 * KB,), (300 * KB, 5000 * KB, 70 * KB)])
def test_what_one_large_batch_needed_goes_back_after_a_while(sizes: tuple[int, ...]) -> None:
    times: list[float] = [0.0]
    pool, large = Pool(clock=lambda: times[-1]), 400 << 20
    batch = taken_from(pool, large)
    batch[...] = 1
    with_batch = resident()
    del batch
    kept = []
    for _ in range(30):
        times.append(times[-1] + WHILE / 10)
        kept.append(resident())
        for size in sizes:
            taken_from(pool, size)[...] = 1
    assert min(kept[:10]) > with_batch - large / 10, "it may be needed again at once"
    assert resident() < with_batch - large + SLACK
    assert pool.usage.most < 100 * KB + sum(sizes)


def test_what_is_needed_again_and_again_is_kept() -> None:
    """A large batch every half WHILE, and small ones between: no page goes back."""
    times: list[float] = [0.0]
    pool = Pool(clock=lambda: times[-1])
    held = []
    for _ in range(10):
        times.append(times[-1] + WHILE / 2)
        taken_from(pool, 300 << 20)
        taken_from(pool, 300 * KB)
        taken_from(pool, 500 * KB)
        held.append(pool.usage.live + pool.usage.idle)
    assert min(held) >= 300 << 20


def test_the_engines_cache_can_be_emptied() -> None:
    kept = memory.empty((100, KB), np.float32)
    kept[...] = 3
    memory.empty((10_000, KB), np.float32)[...] = 1
    before = memory.pool.usage
    assert before.live + before.idle >= 4 * 10_000 * KB
    minidl.empty_cache()
    assert memory.pool.usage.idle <= 2 * HUGE
    assert (kept == 3).all()


def test_trim_gives_everything_idle_back() -> None:
    pool = Pool()
    kept = taken_from(pool, 100 * KB)
    del kept
    taken_from(pool, 200 * KB)
    pool.trim()
    assert pool.usage.idle == 0, "a region in which nothing is in use goes as a whole"


def test_two_threads_never_get_the_same_memory() -> None:
    pool, wrong = Pool(), []

    def work(mark: int) -> None:
        for _ in range(200):
            x = taken_from(pool, 70 * KB)
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


def test_settled_arrays_begin_with_a_vector() -> None:
    """Large ones on the CPU, of the same values; small and aligned ones stay where they are."""
    given = np.random.default_rng(0).standard_normal(300_000, np.float32)
    for x in (given[1:], given[1:].reshape(-1, 1, 1, 1)[:200_000]):
        found = memory.cache_aligned(x)
        assert address(found) % ALIGNMENT == 0
        np.testing.assert_array_equal(found, x)
        assert memory.cache_aligned(found) is found
    assert memory.cache_aligned(small := np.ones(3)) is small


@numba.njit
def _beginning(count):  # type: ignore[no-untyped-def]
    return np.empty(count, np.float32).ctypes.data


def test_arrays_of_compiled_code_begin_with_a_cache_line() -> None:
    assert all(_beginning(count) % ALIGNMENT == 0 for count in range(1000, 200_000, 977))
