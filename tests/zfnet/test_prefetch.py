"""Prefetch of items by threads: the results of a plain loop, in its order, and an end to it."""

from __future__ import annotations

import threading

import pytest

from zfnet.data.dataset import prefetched

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("depth", [0, 5, 100])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_the_order_of_the_items(workers: int, depth: int) -> None:
    assert list(prefetched(str, range(50), workers=workers, depth=depth)) == [
        str(i) for i in range(50)
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_is_raised_where_its_result_would_have_come(workers: int) -> None:
    results = prefetched(lambda item: 1 // item, [1, 1, 0, 1], workers=workers, depth=8)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_closing_cancels_what_has_not_begun() -> None:
    gate = threading.Event()
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item > 0:
            gate.wait(10)
        return item

    results = prefetched(work, range(100), workers=1, depth=10)
    next(results)
    # Opens when close is waiting for the item that has begun.
    threading.Timer(0.3, gate.set).start()
    results.close()
    assert begun in ([0], [0, 1])


def test_no_more_items_begin_than_depth_allows() -> None:
    begun: list[int] = []
    results = prefetched(begun.append, range(100), workers=3, depth=4)
    next(results)
    results.close()
    assert len(begun) <= 1 + 4


@pytest.mark.parametrize(("workers", "depth"), [(-1, 1), (1, -1)])
def test_negative_numbers_of_threads_or_items_are_refused(workers: int, depth: int) -> None:
    with pytest.raises(ValueError, match=f"workers = {workers} and depth = {depth}"):
        next(prefetched(str, [1], workers=workers, depth=depth))
