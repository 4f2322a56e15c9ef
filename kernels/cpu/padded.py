"""Explicitly padded copies of an image, in which every window is addressable in memory.

In channels-last memory the S C terms of one row of a window are then contiguous, and the windows
of neighbouring outputs begin stride C elements apart: the kernels "sliding" read them in place.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Allocate, Call, run_all
from kernels.contract.compilation import entry_point
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.lines import copy_run


def padded(
    x: np.ndarray, g: ConvGeometry, room: int = 0
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """(flat pixels of x (N,H,W,C) with explicit padding, the addresses of the windows in them)."""
    surround, pixels, places = bind_padded(x, g, room)
    run_all(surround)
    return pixels, places


def bind_padded(
    x: np.ndarray, g: ConvGeometry, room: int = 0, allocate: Allocate = memory.empty
) -> tuple[list[Call], np.ndarray, tuple[int, int, int, int]]:
    """The same without the run: what fills the pixels, the pixels, and the addresses.

    Addresses: the offset of the first window; strides in elements of an image, of a row of windows
    and of a row of taps. `room`: additional pixels at the end of each row.
    """
    top, left = g.padding[0], g.padding[2]
    above, below, before, after = (max(pad, 0) for pad in g.padding)
    N, H, W, C = x.shape
    surround = list[Call]()
    if above or below or before or after or room:
        whole = allocate((N, H + above + below, W + before + after + room, C), x.dtype)
        surround.append(partial(_surround, x, whole, above, before))
        x = whole
    row = x.shape[2] * C
    first = max(-top, 0) * row + max(-left, 0) * C
    places = first, x.shape[1] * row, g.stride[0] * row, g.dilation[0] * row
    return surround, x.reshape(-1), places  # (N,H',W',C) -> (NH'W'C,), the same memory


@entry_point(parallel=True)
def _surround(x, padded_x, above, before):  # type: ignore[no-untyped-def]
    """Write x (N,H,W,C) into padded_x (N,H',W',C) at (above, before), zeros around it."""
    N, H, W, C = x.shape
    rows, row_size = padded_x.shape[1] * N, padded_x.shape[2] * C
    source, to = x.reshape(-1), padded_x.reshape(-1)
    begin, end = before * C, (before + W) * C
    for row in numba.prange(rows):
        n, h, at = row // padded_x.shape[1], row % padded_x.shape[1] - above, row * row_size
        inside = 0 <= h < H
        for e in range(begin if inside else row_size):
            to[at + e] = 0
        if inside:
            copy_run(source, (n * H + h) * W * C, to, at + begin, W * C)
            for e in range(end, row_size):
                to[at + e] = 0
