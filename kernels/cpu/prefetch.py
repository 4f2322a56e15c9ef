"""Sequential prefetch of image rows that are larger than the last cache.

Windows read short runs of many rows, which the hardware prefetcher does not follow. So one element
of each cache line of the rows is loaded first, in order, and the windows hit in L2.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import subroutine
from kernels.cpu.vector import KR, touch


def far(x: np.ndarray) -> bool:
    """Whether x is larger than the last cache."""
    return x.nbytes > memory.chunk()


@subroutine
def touch_rows(x, n, top, bottom):  # type: ignore[no-untyped-def]
    """Load the rows top <= h < bottom of image n of x (N,H,W,C), as far as they exist."""
    _, H, W, C = x.shape
    flat = x.reshape(-1)  # (N,H,W,C) -> (NHWC,), the same memory
    for e in range((n * H + max(0, top)) * W * C, (n * H + min(H, bottom)) * W * C, KR):
        touch(flat, e)
