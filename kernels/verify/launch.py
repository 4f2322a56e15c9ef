"""Launch of more threads than the machine has cores, for the property of any number of threads."""

from __future__ import annotations

import os

from numba import config
from numba.np.ufunc import parallel

from kernels.contract import threads

COUNT = 8
"""Threads that are launched at least: shares of 3 and of 8 have remainders that those of 2 have
not."""


def launch_threads() -> None:
    """Let Numba launch `COUNT` threads at least, of which as many work as without it.

    Only before it has launched any: a process that has computed keeps its number, as does one whose
    NUMBA_NUM_THREADS is set.
    """
    if parallel._is_initialized or "NUMBA_NUM_THREADS" in os.environ or threads.most() >= COUNT:
        return
    working = threads.get_num_threads()
    os.environ["NUMBA_NUM_THREADS"] = str(COUNT)
    config.reload_config()
    threads.set_num_threads(working)
