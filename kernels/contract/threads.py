"""The number of threads, and the lock under which kernels run.

One thread pool works at a time: Numba's. A BLAS with its own pool and a Numba parallel region, one
after the other, spin against each other and lose half the machine; so matrix products run inside
Numba's threads on SciPy's BLAS, which is limited to one thread (see `cpu/gemm.py`).
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager

import numba
import threadpoolctl

# GNU OpenMP's idle threads spin for milliseconds by default, and on a machine with other work to do
# they take the time of the thread that they wait for; without any spinning, waking them takes up to
# a quarter of a small network's step. Read when Numba loads its OpenMP layer, which is after this.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

# Numba's workqueue layer aborts when two Python threads enter it; every kernel runs under this.
_lock = threading.RLock()
_count: int | None = None


class _Region:
    """One Python thread at a time, with the number of threads that was set.

    Numba keeps that number for each Python thread; here it is one for all.
    """

    def __enter__(self) -> None:
        _lock.acquire()
        if _count is not None:
            numba.set_num_threads(_count)

    def __exit__(self, *_: object) -> None:
        _lock.release()


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


def hold_blas_to_one_thread() -> None:
    """Limit SciPy's BLAS, once it is loaded; every BLAS where SciPy has no copy of its own."""
    libraries = threadpoolctl.ThreadpoolController().lib_controllers
    blas = [library for library in libraries if library.user_api == "blas"]
    scipys = [library for library in blas if "scipy" in library.filepath]
    for library in scipys or blas:
        library.set_num_threads(1)
