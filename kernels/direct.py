"""Convolution by blocks of windows, packed for the micro-kernel: im2col that stays in cache.

    y[(n p q), k] = windows[(n p q), (r s c)] w[(r s c), k]

A thread takes a block of output pixels, writes their windows as lines of 16 for `outer_tall`
(`vector.py`), and multiplies them by the packed filters, a few hundred terms of the sum at a time:
those of one panel of filters stay in the first cache, the block's in the second. Each pixel of a
window is moved twice for K products, so the product's rate is the limit.

The gradient of x is the same product: with stride s, position u of gy gives s x s pixels of gx, one
of each phase, which are further filters of a stride-1 convolution (`winograd_plan.py` has the same
phases). The gradient of w sums, over its pixels, each window times gy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from kernels import memory, threads
from kernels.geometry import ConvGeometry
from kernels.vector import (
    EVEN,
    LINE,
    MACHINE,
    TALL,
    lanes,
    move,
    move_rectified,
    outer_even,
    outer_tall,
)

WIDTH = MACHINE.width
BLOCK = 96
"""Pixels of a block: whole tiles of 6 and of 12 rows, and of 16 terms."""
TERMS = 24
"""Lines of the sum at a time."""
AT_ONCE = 12
"""Windows that are cut into lines at a time."""


@dataclass(frozen=True)
class Windows:
    """Windows over positions (N,P,Q), rows by columns, that start at `origin` + stride position.

    taps: (out phases, 2, most taps) of the filter, -1 where a phase has none; out_at: the output
    pixel of position (0,0), with `out_step` from one position to the next, for each phase.
    """

    P: int
    Q: int
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    origin: tuple[int, int]
    taps: np.ndarray
    out_step: tuple[int, int]
    out_at: np.ndarray

    def terms(self, channels: int) -> int:
        return self.size[0] * self.size[1] * channels


def fprop_windows(g: ConvGeometry) -> Windows:
    return Windows(
        *(g.P, g.Q, (g.R, g.S), g.stride, g.dilation, (-g.padding[0], -g.padding[2])),
        *(_taps([np.arange(g.R)], [np.arange(g.S)]), (1, 1), np.zeros((1, 2), np.int64)),
    )


def dgrad_windows(g: ConvGeometry) -> Windows:
    """Positions u of gy whose windows meet a pixel of x; the filter's taps turned."""
    sides = []
    for axis, (size, pixels) in enumerate(((g.R, g.H), (g.S, g.W))):
        stride, before = g.stride[axis], g.padding[2 * axis]
        count = -(-size // stride)
        first, last = before // stride, (pixels - 1 + before) // stride
        turned = [stride * np.arange(count)[::-1] + a for a in range(stride)]
        taps = [np.where(t < size, t, -1) for t in turned]
        at = [stride * first + a - before for a in range(stride)]
        sides.append((last - first + 1, count, first - (count - 1) * g.dilation[axis], taps, at))
    (P, R, top, row_taps, row_at), (Q, S, left, column_taps, column_at) = sides
    at = np.array([(a, b) for a in row_at for b in column_at], np.int64)
    return Windows(P, Q, (R, S), (1, 1), g.dilation, (top, left),
                   _taps(row_taps, column_taps), g.stride, at)  # fmt: skip


def _taps(rows: list[np.ndarray], columns: list[np.ndarray]) -> np.ndarray:
    """(out phases, 2, most taps) int64."""
    table = np.full((len(rows) * len(columns), 2, max(rows[0].size, columns[0].size)), -1, np.int64)
    for q in range(len(table)):
        for axis, taps in enumerate((rows[q // len(columns)], columns[q % len(columns)])):
            table[q, axis, : taps.size] = taps
    return table


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
        _pack(flat, inputs, outputs, windows.size, strides, windows.taps, packed[group])
    return packed


@numba.njit(parallel=True, cache=True)
def _pack(w, inputs, outputs, size, strides, taps, packed):  # type: ignore[no-untyped-def]
    wide = 2 * (WIDTH // w.itemsize)
    panels = (outputs + wide - 1) // wide
    for unit in numba.prange(len(packed)):
        q, o = unit // panels, unit % panels * wide
        some = min(wide, outputs - o)
        at = 0
        for a in range(size[0]):
            for b in range(size[1]):
                r, s = taps[q, 0, a], taps[q, 1, b]
                for i in range(inputs):
                    packed[unit, at : at + wide] = 0
                    if r >= 0 and s >= 0:
                        start = o * strides[0] + i * strides[1] + r * strides[2] + s * strides[3]
                        for k in range(some):
                            packed[unit, at + k] = w[start + k * strides[0]]
                    at += wide


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
            memory.nhwc(x), packed[group], memory.nhwc(y), group * inputs, inputs,
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


def without_products(
    y: np.ndarray, bias: np.ndarray | None = None, rectify: bool = False
) -> np.ndarray:
    """The result where there is nothing to multiply: `bias` alone, rectified if asked for."""
    y[...] = 0 if bias is None else bias[:, None, None]
    return np.maximum(y, 0, out=y) if rectify else y


@numba.njit(cache=True)
def pack_windows(x, c0, channels, first, count, height, plane, size, stride, dilation, origin,
                 packed):  # type: ignore[no-untyped-def]  # fmt: skip
    """packed (lines,height,LINE) = the windows of `count` positions from `first` on.

    A window's terms (r s c) are put side by side first: where its pixels follow each other in
    memory that is one copy a row of taps. Lines are cut from those of some windows at a time: a
    vector that was just written in two parts would have to wait for both.
    """
    _, H, W, C = x.shape
    flat = x.reshape(-1)  # (N,H,W,C) -> (NHWC,), the same memory
    lanes, run = WIDTH // x.itemsize, size[1] * channels
    terms = size[0] * run
    lines = (terms + LINE - 1) // LINE
    row = (lines + 1) * LINE  # a line to spare
    rows = np.zeros(AT_ONCE * row, x.dtype)
    for t0 in range(0, count, AT_ONCE):
        some = min(AT_ONCE, count - t0)
        for t in range(some):
            n, rest = divmod(first + t0 + t, plane[0] * plane[1])
            h0 = rest // plane[1] * stride[0] + origin[0]
            w0 = rest % plane[1] * stride[1] + origin[1]
            joined = channels == C and dilation[1] == 1 and w0 >= 0 and w0 + size[1] <= W
            for r in range(size[0]):
                h, at = h0 + r * dilation[0], t * row + r * run
                start = ((n * H + h) * W + w0) * C + c0
                if not 0 <= h < H:
                    for e in range(run):
                        rows[at + e] = 0
                elif joined and start + run + lanes <= flat.size:
                    # Whole vectors: what the last of them has too much, the next row overwrites.
                    e = 0
                    while e < run:
                        move(flat, start + e, rows, at + e)
                        e += lanes
                else:
                    for s in range(size[1]):
                        inside = 0 <= w0 + s * dilation[1] < W
                        for c in range(channels):
                            pixel = start + s * dilation[1] * C + c
                            rows[at + s * channels + c] = flat[pixel] if inside else 0
            for e in range(t * row + terms, t * row + lines * LINE):
                rows[e] = 0
        for line in range(lines):
            for t in range(some):
                to, c = (line * height + t0 + t) * LINE, 0
                while c < LINE:
                    move(rows, t * row + line * LINE + c, packed, to + c)
                    c += lanes


@numba.njit(parallel=True, cache=True)
def _product(x, packed, y, c0, channels, k0, filters, bias, rectify, block, blocks, positions,
             plane, size, stride, dilation, origin, out_step, out_at):  # type: ignore[no-untyped-def]  # fmt: skip
    wide = 2 * (WIDTH // x.itemsize)
    terms = size[0] * size[1] * channels
    lines = (terms + LINE - 1) // LINE
    panels = len(packed)
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
                               packed[panel], line * LINE * wide, sums,
                               (panel * height + t) * wide, wide, some // LINE, some % LINE,
                               line > 0)  # fmt: skip
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
    lanes = WIDTH // sums.itemsize
    k = 0
    while k + lanes <= count:  # a range with a step would divide
        move_rectified(sums, at + k, bias, k0 + k, rectify, y, to + k)
        k += lanes
    while k < count:
        value = sums[at + k] + bias[k0 + k]
        y[to + k] = 0 if rectify and value <= 0 else value
        k += 1


def weights(x: np.ndarray, gy: np.ndarray, g: ConvGeometry, gw: np.ndarray) -> None:
    """Write gw (K,C/groups,R,S), channels-last: the sum over pixels of each window times gy."""
    windows, wide, parts = fprop_windows(g), 3 * lanes(x.dtype), threads.get_num_threads()
    channels, filters = g.C // g.groups, g.K // g.groups
    lines, panels = -(-windows.terms(channels) // LINE), -(-filters // wide)
    shares = memory.empty((parts, panels * lines * LINE * wide), x.dtype)
    for group in range(g.groups):
        shares[...] = 0
        _shares(
            memory.nhwc(x), memory.nhwc(gy), shares, group * channels, channels, group * filters,
            filters, (g.P, g.Q), windows.size, g.stride, g.dilation, windows.origin,
        )  # fmt: skip
        rows = memory.nhwc(gw).reshape(g.K, -1)  # (K,R,S,C/G) -> (K,RSC/G), gw's own memory
        _unpack(shares, rows[group * filters : (group + 1) * filters])


@numba.njit(parallel=True, cache=True)
def _shares(x, gy, shares, c0, channels, k0, filters, plane, size, stride, dilation, origin):  # type: ignore[no-untyped-def]  # fmt: skip
    """Each thread's sum over its share of the pixels, (panels,lines LINE,3L) each."""
    wide = 3 * (WIDTH // x.itemsize)
    lines = (size[0] * size[1] * channels + LINE - 1) // LINE
    panels = (filters + wide - 1) // wide
    positions = x.shape[0] * plane[0] * plane[1]
    for part in numba.prange(len(shares)):
        a = np.empty(lines * BLOCK * LINE, x.dtype)
        b = np.empty(panels * BLOCK * wide, x.dtype)
        end = positions * (part + 1) // len(shares)
        for first in range(positions * part // len(shares), end, BLOCK):
            count = min(BLOCK, end - first)
            pack_windows(x, c0, channels, first, count, BLOCK, plane, size, stride, dilation,
                         origin, a)  # fmt: skip
            _pack_gradient(gy, k0, filters, first, count, b)
            for panel in range(panels):
                for channel in range(0, lines * LINE, EVEN):
                    line = channel // LINE
                    # (EVEN,count) x (count,3L) -> (EVEN,3L), added to the share
                    outer_even(a, line * BLOCK * LINE + channel % LINE, LINE * LINE,
                               b, panel * BLOCK * wide, shares[part],
                               (panel * lines * LINE + channel) * wide, wide,
                               count // LINE, count % LINE, True)  # fmt: skip


@numba.njit(cache=True)
def _pack_gradient(gy, k0, filters, first, count, packed):  # type: ignore[no-untyped-def]
    """packed (panels,BLOCK,3L) = gy of `count` pixels from `first` on."""
    flat = gy.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    lanes = WIDTH // gy.itemsize
    wide = 3 * lanes
    for t in range(count):
        start = (first + t) * gy.shape[3] + k0
        for panel in range((filters + wide - 1) // wide):
            k, at = panel * wide, (panel * BLOCK + t) * wide
            some = min(wide, filters - k)
            if some == wide:
                for j in range(0, wide, lanes):
                    move(flat, start + k + j, packed, at + j)
            else:
                for j in range(wide):
                    packed[at + j] = flat[start + k + j] if j < some else 0


@numba.njit(parallel=True, cache=True)
def _unpack(shares, gw):  # type: ignore[no-untyped-def]
    """gw (K,terms) = the shares' sum, in their order."""
    filters, terms = gw.shape
    wide = 3 * (WIDTH // gw.itemsize)
    lines = (terms + LINE - 1) // LINE
    for k in numba.prange(filters):
        panel, column = k // wide, k % wide
        for e in range(terms):
            at = (panel * lines * LINE + e) * wide + column
            total = shares[0, at]
            for part in range(1, len(shares)):
                total += shares[part, at]
            gw[k, e] = total
