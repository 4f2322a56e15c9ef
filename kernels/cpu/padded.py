"""An image with its padding written out, so that every window lies whole in memory.

In channels-last memory the S C terms of one row of a window are then side by side, and the windows
of neighbouring outputs begin stride C elements apart: the kernels "sliding" read them there.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.lines import copy_line


def padded(
    x: np.ndarray, g: ConvGeometry, room: int = 0
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """(flat pixels of x (N,H,W,C) with the padding written out, where the windows lie in them).

    Where: the element at which the first begins; elements to the next image, to the next row of
    windows, to the next row of taps. `room`: pixels more at the end of each row.
    """
    top, left = g.padding[0], g.padding[2]
    above, below, before, after = (max(pad, 0) for pad in g.padding)
    N, H, W, C = x.shape
    if above or below or before or after or room:
        wide = memory.empty((N, H + above + below, W + before + after + room, C), x.dtype)
        _surround(x, wide, above, before)
        x = wide
    row = x.shape[2] * C
    first = max(-top, 0) * row + max(-left, 0) * C
    return x.reshape(-1), (first, x.shape[1] * row, g.stride[0] * row, g.dilation[0] * row)


@numba.njit(parallel=True, cache=True)
def _surround(x, wide, above, before):  # type: ignore[no-untyped-def]
    """Write x (N,H,W,C) into `wide` (N,H',W',C) at row `above` and column `before`, 0 around it."""
    N, H, W, C = x.shape
    tall, broad = wide.shape[1] * N, wide.shape[2] * C
    source, to = x.reshape(-1), wide.reshape(-1)
    begin, end = before * C, (before + W) * C
    for row in numba.prange(tall):
        n, h, at = row // wide.shape[1], row % wide.shape[1] - above, row * broad
        inside = 0 <= h < H
        for e in range(begin if inside else broad):
            to[at + e] = 0
        if inside:
            copy_line(source, (n * H + h) * W * C, to, at + begin, W * C)
            for e in range(end, broad):
                to[at + e] = 0
