"""Reading ahead what lies beyond the caches, from beginning to end, as memory gives it fastest.

Windows read short pieces of many rows, which the processor does not foresee. One element of each
cache line of the rows is read before, and the windows find them in the second cache.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.cpu.vector import LINE, touch


def far(x: np.ndarray) -> bool:
    """Whether it is more than the last cache holds."""
    return x.nbytes > memory.chunk()


@numba.njit(cache=True)
def touch_rows(x, n, top, bottom):  # type: ignore[no-untyped-def]
    """Rows `top` to `bottom`, without it, of image n of x (N,H,W,C), those that there are."""
    _, H, W, C = x.shape
    flat = x.reshape(-1)  # (N,H,W,C) -> (NHWC,), the same memory
    for e in range((n * H + max(0, top)) * W * C, (n * H + min(H, bottom)) * W * C, LINE):
        touch(flat, e)
