"""Restart of `verify` and `judge` with as many threads launched as their properties set.

Numba launches its threads when `kernels` is imported, as many as there are cores, and sets any
smaller number to run. Properties run kernels on up to eight. So the command starts anew, once, with
eight launched; as many run as there are cores, except where a property sets another number.
"""

from __future__ import annotations

import os
import sys

from numba import config

from kernels.contract import threads

THREADS = 8
"""The most that a property sets."""
_VARIABLE = "NUMBA_NUM_THREADS"


def with_threads(command: list[str]) -> None:
    """Restart this process if `command` is verify or judge, and fewer than THREADS are launched.

    A user's NUMBA_NUM_THREADS stays: then properties set no more than that.
    """
    tries = command[:1] in (["verify"], ["judge"])
    if not tries or _VARIABLE in os.environ or threads.most() >= THREADS:
        return
    os.environ[_VARIABLE] = str(THREADS)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def run_on_cores() -> None:
    """Run on as many threads as there are cores, of those launched."""
    cores: int = config.NUMBA_DEFAULT_NUM_THREADS  # type: ignore[attr-defined]
    threads.set_num_threads(min(cores, threads.get_num_threads()))
