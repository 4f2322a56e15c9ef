"""Handlers of a fork, after which parent and child both compute.

A lock that another thread holds at a fork is never released in the child. So a fork waits until no
kernel runs, no memory is allocated and nothing is compiled. The child computes on threads of its
own (`layer.py`) and gets the parent's bits. Its arrays are copies, made page by page when one of
the two writes. A child cannot use a GPU that its parent used: CUDA has no fork.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from numba.core.compiler_lock import global_compiler_lock

from kernels.contract import layer, threads
from kernels.contract.pool import pool

_LOCKS: tuple[Any, ...] = (threads.lock, pool.lock, global_compiler_lock)
"""In the order in which a kernel takes them: any other could wait for ever."""
_started_in = threading.get_ident()


def _before() -> None:
    for lock in _LOCKS:
        lock.acquire()


def _after() -> None:
    for lock in reversed(_LOCKS):
        lock.release()


def _in_child() -> None:
    alone = threads.callers <= {_started_in} and threading.get_ident() == _started_in
    if not (alone and layer.name() == "tbb"):
        layer.change_in_child()
    _after()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
