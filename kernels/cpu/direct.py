"""Convolution by blocks of windows, packed for the micro-kernel: im2col that stays in cache.

    y[(n p q), k] = windows[(n p q), (r s c)] w[(r s c), k]

A thread takes a block of output pixels, writes their windows as lines of 16 for `outer_tall`
(`outer.py`), and multiplies them by the packed filters, a few hundred terms of the sum at a time:
those of one panel of filters stay in the first cache, the block's in the second. Each pixel of a
window is moved twice for K products, so the product's rate is the limit. Which windows there are,
of x or of gy, is told by `kernels/cpu/windows.py`.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.cpu.micro_kernel import TALL, outer_tall
from kernels.cpu.vector import LINE, lanes, lanes_of, move, move_rectified
from kernels.cpu.windows import Windows, pack_windows

BLOCK = 96
"""Pixels of a block: whole tiles of 6 and of 12 rows, and of 16 terms."""
TERMS = 24
"""Lines of the sum at a time."""


def pack(
    w: np.ndarray, windows: Windows, groups: int, inputs: int, outputs: int,
    strides: tuple[int, int, int, int],
) -> np.ndarray:  # fmt: skip
    """The filters (groups, out phases panels, terms, 2L) for `product`.

    strides: elements of w's memory from an output channel to the next, an input channel, a row
    and a column of taps; inputs, outputs: channels of a group.
    """
    wide = 2 * lanes(w.dtype)
    panels = len(windows.taps) * -(-outputs // wide)
    packed = memory.empty((groups, panels, windows.terms(inputs) * wide), w.dtype)
    each = w.size // groups
    for group in range(groups):
        flat = memory.flat(w)[group * each :]
        _pack(flat, inputs, outputs, windows.size, strides, windows.taps, packed[group].reshape(-1))
    return packed


@numba.njit(parallel=True, cache=True)
def _pack(w, inputs, outputs, size, strides, taps, packed):  # type: ignore[no-untyped-def]
    """Some inputs at a time, all taps and panels of them: w is read about as it lies in memory."""
    wide = 2 * lanes_of(w)
    panels, blocks = (outputs + wide - 1) // wide, (inputs + LINE - 1) // LINE
    for unit in numba.prange(len(taps) * blocks):
        q, first = unit // blocks, unit % blocks * LINE
        count = min(LINE, inputs - first)
        for panel in range(panels):
            row, o = q * panels + panel, panel * wide
            some = min(wide, outputs - o)
            for tap in range(size[0] * size[1]):
                r, s = taps[q, 0, tap // size[1]], taps[q, 1, tap % size[1]]
                has = some if r >= 0 and s >= 0 else 0
                start = o * strides[0] + first * strides[1] + r * strides[2] + s * strides[3]
                at = ((row * size[0] * size[1] + tap) * inputs + first) * wide
                pack_tap(w, start, strides[0], strides[1], count, has, packed, at, wide)


@numba.njit(cache=True)
def pack_tap(w, start, out_step, in_step, count, has, packed, at, wide):  # type: ignore[no-untyped-def]
    """A tap of `count` inputs by a panel of outputs, `has` of which there are; the others are 0."""
    if has == wide and out_step == 1:
        for i in range(count):
            for k in range(0, wide, lanes_of(w)):
                move(w, start + i * in_step + k, packed, at + i * wide + k)
        return
    for i in range(count):
        for k in range(has):
            packed[at + i * wide + k] = w[start + i * in_step + k * out_step]
        for k in range(has, wide):
            packed[at + i * wide + k] = 0


def product(
    x: np.ndarray,
    packed: np.ndarray,
    windows: Windows,
    inputs: int,
    outputs: int,
    y: np.ndarray,
    bias: np.ndarray | None = None,
    rectify: bool = False,
) -> None:
    """Write y (N,K,...) = windows of x (N,C,...) times `packed` [+ bias (K,)], rectified or not."""
    bias = np.zeros(outputs * len(packed), x.dtype) if bias is None else bias
    positions = x.shape[0] * windows.P * windows.Q
    block, blocks = balanced(positions)
    for group in range(len(packed)):
        _product(
            memory.nhwc(x), packed[group].reshape(-1), memory.nhwc(y), group * inputs, inputs,
            group * outputs, outputs, bias, rectify, block, blocks, positions,
            (windows.P, windows.Q), windows.size, windows.stride, windows.dilation,
            windows.origin, windows.out_step, windows.out_at,
        )  # fmt: skip


def balanced(positions: int) -> tuple[int, int]:
    """(pixels a block, blocks): at most BLOCK, whole tiles, and the same number for each thread."""
    parts = threads.get_num_threads()
    rounds = max(1, -(-positions // (parts * BLOCK)))
    block = -(-positions // (parts * rounds))
    block = max(TALL, -(-block // TALL) * TALL)
    return block, -(-positions // block)


def bias_of_panels(bias: np.ndarray | None, outputs: int, dtype: np.dtype) -> np.ndarray:
    """bias (outputs,), or zeros for None, with zeros up to a whole panel of filters."""
    wide = 2 * lanes(dtype)
    whole = np.zeros(-(-outputs // wide) * wide, dtype)
    whole[:outputs] = 0 if bias is None else bias
    return whole


def without_products(
    y: np.ndarray, bias: np.ndarray | None = None, rectify: bool = False
) -> np.ndarray:
    """The result where there is nothing to multiply: `bias` alone, rectified if asked for."""
    y[...] = 0 if bias is None else bias[:, None, None]
    return np.maximum(y, 0, out=y) if rectify else y


@numba.njit(parallel=True, cache=True)
def _product(  # type: ignore[no-untyped-def]
    x,
    packed,
    y,
    c0,
    channels,
    k0,
    filters,
    bias,
    rectify,
    block,
    blocks,
    positions,
    plane,
    size,
    stride,
    dilation,
    origin,
    out_step,
    out_at,
):
    wide = 2 * lanes_of(x)
    terms = size[0] * size[1] * channels
    lines = (terms + LINE - 1) // LINE
    panels = packed.size // (terms * wide)
    of_phase = (filters + wide - 1) // wide
    _, H, W, K = y.shape
    out = y.reshape(-1)  # (N,H,W,K) -> (NHWK,), the same memory
    for b in numba.prange(blocks):
        first = b * block
        count = min(block, positions - first)
        height = (count + TALL - 1) // TALL * TALL
        a = np.empty(lines * height * LINE, x.dtype)
        sums = np.empty(panels * height * wide, x.dtype)
        pack_windows(x, c0, channels, first, count, height, plane, size, stride, dilation, origin,
                     a)  # fmt: skip
        for line in range(0, lines, TERMS):
            some = min(TERMS * LINE, terms - line * LINE)
            for panel in range(panels):
                for t in range(0, height, TALL):
                    # (TALL,some) x (some,2L) -> (TALL,2L), added to the sums of the lines before
                    outer_tall(a, (line * height + t) * LINE, height * LINE,
                               packed, (panel * terms + line * LINE) * wide, sums,
                               (panel * height + t) * wide, wide, some // LINE, some % LINE,
                               line > 0, 0)  # fmt: skip
        for t in range(count):
            n, rest = (first + t) // (plane[0] * plane[1]), (first + t) % (plane[0] * plane[1])
            p, q = rest // plane[1], rest % plane[1]
            for panel in range(panels):
                phase, k = panel // of_phase, panel % of_phase * wide
                h, w = p * out_step[0] + out_at[phase, 0], q * out_step[1] + out_at[phase, 1]
                if 0 <= h < H and 0 <= w < W:
                    at = (panel * height + t) * wide
                    to = ((n * H + h) * W + w) * K + k0 + k
                    finish(sums, at, bias, k0 + k, rectify, out, to, min(wide, filters - k))


@numba.njit(cache=True, inline="always")
def finish(sums, at, bias, k0, rectify, y, to, count):  # type: ignore[no-untyped-def]
    """y from element `to` on = a pixel's sums plus bias, rectified if asked for (NaN stays)."""
    lanes = lanes_of(sums)
    k = 0
    while k + lanes <= count:  # a range with a step would divide
        move_rectified(sums, at + k, bias, k0 + k, rectify, y, to + k)
        k += lanes
    while k < count:
        value = sums[at + k] + bias[k0 + k]
        y[to + k] = 0 if rectify and value <= 0 else value
        k += 1
