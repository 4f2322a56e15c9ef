"""The number of threads, and the lock under which kernels run.

One thread pool works at a time: Numba's. A BLAS with its own pool and a Numba parallel region, one
after the other, spin against each other and lose half the machine; so matrix products run inside
Numba's threads on SciPy's BLAS, which is limited to one thread (see `cpu/gemm.py`).
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

import numba
import threadpoolctl

MOST_PARTS, TERMS_OF_PART = 16, 8192
"""Of a sum that threads share, and the terms of a part, about."""
MOST_PIECES = 16
"""Of other work: two for each of eight threads."""

# Numba's workqueue layer aborts when two Python threads enter it; every kernel runs under this.
lock = threading.RLock()
callers: set[int] = set()
"""Python threads that ran a kernel, by identifier."""
_count: int | None = None


class _Region:
    """One Python thread at a time, with the number of threads that was set.

    Numba keeps that number for each Python thread; here it is one for all.
    """

    def __enter__(self) -> None:
        lock.acquire()
        callers.add(threading.get_ident())
        if _count is not None:
            numba.set_num_threads(_count)

    def __exit__(self, *_: object) -> None:
        lock.release()


_region = _Region()


def region() -> AbstractContextManager[None]:
    """The context in which kernels run."""
    return _region


def most() -> int:
    """The largest number of threads: NUMBA_NUM_THREADS, by default that of the cores."""
    count: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return count


def set_num_threads(count: int) -> None:
    """Use `count` threads, 1 to what the machine (or NUMBA_NUM_THREADS) allows."""
    if not 1 <= count <= most():
        raise ValueError(f"num_threads must be 1 to {most()} here, got {count}")
    global _count
    _count = count


def get_num_threads() -> int:
    """The number set, or else all that the machine (or NUMBA_NUM_THREADS) allows."""
    return most() if _count is None else _count


def pieces(units: int, least: int = 1) -> int:
    """How many pieces so many units of work are cut into, `least` units each, but two at least.

    Threads take pieces as they become free. The number depends on the work alone: the bits of a
    piece may depend on where it begins and ends (BLAS, and vectors with a scalar remainder).
    """
    return max(1, min(MOST_PIECES, max(2, units // least), units))


def partial_sums(terms: int) -> int:
    """How many parts a sum of so many terms is cut into, each of which one thread adds up.

    It depends on the sum alone, so that any number of threads gives the same bits. A power of two,
    and 2 at least, of MOST_PARTS at most: a part of few terms costs more to clear and to add to the
    others than it saves.
    """
    return min(MOST_PARTS, max(2, 1 << (terms // TERMS_OF_PART).bit_length() >> 1))


def hold_blas_to_one_thread() -> None:
    """Limit SciPy's BLAS, once it is loaded; every BLAS where SciPy has no copy of its own."""
    libraries = threadpoolctl.ThreadpoolController().lib_controllers
    blas = [library for library in libraries if library.user_api == "blas"]
    scipys = [library for library in blas if "scipy" in library.filepath]
    for library in scipys or blas:
        library.set_num_threads(1)
