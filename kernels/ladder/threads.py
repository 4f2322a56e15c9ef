"""Threads: blocks of rows distributed among the cores.

    for rows in blocks of MC rows of y, in parallel:
        as before, each thread with a block of A of its own

Blocks of y share only the filters, which are read and not written, so threads need no lock and
synchronise once, at the end. BLIS calls this parallelism in the third loop around the micro-kernel
(Smith et al.: "Anatomy of High-Performance Many-Threaded Matrix Multiplication", 2014). Each core
packs into its own second-level cache, and all cores read the same panels from the shared last-level
cache. The blocks do not depend on the number of threads, and no sum is split: any number of threads
gives the same bits.

There should be many more blocks than threads: 38 blocks of 72 rows on 2 threads leave at most half
a block of idle time.

Operations: 2 N K P Q C R S. Limited by: multiply-adds of all cores. A faster program must do fewer.

Run it alone: python -m kernels.ladder threads
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.ladder.packing import MC, RUN, prepare
from kernels.ladder.prefetch import one_block
from kernels.ladder.register_block import MR, NR
from kernels.ladder.step import Filters, Step, padded, rounded_up, unpadded

REMOVES = "idle cores"


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (R,S,K'/NR,C',NR) -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (R, S, panels, _, _) = pixels.shape, filters.values.shape
    P, Q = H - R + 1, W - S + 1
    rows = memory.empty((rounded_up(N * P * Q, MC), panels * NR), x.dtype)
    with threads.region():
        _blocks(pixels, filters.values, rows, P, Q)
    return unpadded(rows, (N, filters.K, P, Q))


@numba.njit(parallel=True, cache=True)
def _blocks(x, filters, y, P, Q):  # type: ignore[no-untyped-def]
    C = filters.shape[3]
    for i in numba.prange(len(y) // MC):
        block = np.zeros((MC // MR, C // RUN, MR, RUN), y.dtype)
        one_block(x, filters, y, P, Q, i * MC, block)


STEP = Step("threads", REMOVES, prepare, run)
