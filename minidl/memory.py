"""Memory that the engine keeps for later arrays."""

from __future__ import annotations

from kernels.contract.pool import pool
from minidl.plan import forget


def empty_cache() -> None:
    """Return the memory that no array uses to the system, and that of plans of inference, which
    are made again when they are needed.

    Arrays of 64 kB and more come from a pool, which keeps what is free for the next ones: new pages
    of the system take longer than many a kernel. It gives back by itself what was not needed for
    some ten or twenty seconds, while other arrays are allocated; call this where none will be for
    long. The next call then takes new pages, once.

    Arrays on a GPU are in CuPy's pools, which keep all that they had. They are emptied by
    `cupy.get_default_memory_pool().free_all_blocks()` and, for page-locked memory,
    `cupy.get_default_pinned_memory_pool().free_all_blocks()`.
    """
    forget()
    pool.trim()
