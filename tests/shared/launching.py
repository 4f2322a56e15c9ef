"""Launch of eight threads in this process, as properties set up to eight.

Numba launches its threads when `kernels` is first imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLE = "NUMBA_NUM_THREADS"


@contextmanager
def eight_threads() -> Iterator[None]:
    """Context in which `kernels` is imported with at least eight threads, unless the user says how
    many. Processes that begin later launch as many as there are cores."""
    asked, cores = os.environ.get(_VARIABLE), len(os.sched_getaffinity(0))
    os.environ[_VARIABLE] = asked or str(max(8, cores))
    try:
        yield
    finally:
        if asked is None:
            del os.environ[_VARIABLE]
