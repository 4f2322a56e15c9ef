"""Windows of x (fprop) or of gy (dgrad) as rows of a matrix product, and their packing.

The windows of fprop are the rows of im2col. dgrad has windows of gy: with stride s, position u of
gy contributes to s x s pixels of gx, one of each phase. Each phase is a stride-1 convolution with
every s-th tap of the flipped kernel, so the phases are further filters of one convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.contract.compilation import subroutine
from kernels.contract.geometry import ConvGeometry
from kernels.cpu.vector import KR, lanes_of, move

AT_ONCE = 12
"""Windows that are packed at a time."""


@dataclass(frozen=True)
class Windows:
    """Windows at positions (N,P,Q); each begins at `origin` + stride * position.

    taps: (phases, 2, most taps) rows and columns of the filter, -1 where a phase has no tap;
    out_at (phases, 2): the output pixel of position (0,0); out_step: output pixels between two
    positions.
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
    """Positions u of gy whose windows overlap a pixel of x; the taps of the filter are flipped."""
    sides = []
    for axis, (size, pixels) in enumerate(((g.R, g.H), (g.S, g.W))):
        stride, before = g.stride[axis], g.padding[2 * axis]
        count = -(-size // stride)
        first, last = before // stride, (pixels - 1 + before) // stride
        flipped = [stride * np.arange(count)[::-1] + a for a in range(stride)]
        taps = [np.where(t < size, t, -1) for t in flipped]
        at = [stride * first + a - before for a in range(stride)]
        sides.append((last - first + 1, count, first - (count - 1) * g.dilation[axis], taps, at))
    (P, R, top, row_taps, row_at), (Q, S, left, column_taps, column_at) = sides
    places = np.array([(a, b) for a in row_at for b in column_at], np.int64)
    return Windows(P, Q, (R, S), (1, 1), g.dilation, (top, left),
                   _taps(row_taps, column_taps), g.stride, places)  # fmt: skip


def _taps(rows: list[np.ndarray], columns: list[np.ndarray]) -> np.ndarray:
    """(out phases, 2, most taps) int64."""
    table = np.full((len(rows) * len(columns), 2, max(rows[0].size, columns[0].size)), -1, np.int64)
    for q in range(len(table)):
        for axis, taps in enumerate((rows[q // len(columns)], columns[q % len(columns)])):
            table[q, axis, : taps.size] = taps
    return table


@subroutine
def pack_windows(  # type: ignore[no-untyped-def]
    x,
    c0,
    channels,
    first,
    count,
    height,
    plane,
    size,
    stride,
    dilation,
    origin,
    packed,
):
    """packed (lines,height,KR) = the windows of `count` positions from `first` on.

    The terms (r s c) of a window are first made contiguous: one copy per row of taps where its
    pixels are contiguous in x. Then AT_ONCE windows are packed at a time: loading a vector right
    after it was stored in two parts stalls on store forwarding.
    """
    _, H, W, C = x.shape
    flat = x.reshape(-1)  # (N,H,W,C) -> (NHWC,), the same memory
    lanes, run = lanes_of(x), size[1] * channels
    terms = size[0] * run
    lines = (terms + KR - 1) // KR
    row = (lines + 1) * KR  # and one spare line
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
                    # Whole vectors: the next row overwrites what the last one has too much.
                    e = 0
                    while e < run:
                        move(flat, start + e, rows, at + e)
                        e += lanes
                else:
                    for s in range(size[1]):
                        pixel, to = start + s * dilation[1] * C, at + s * channels
                        inside = 0 <= w0 + s * dilation[1] < W
                        _pack_pixel(flat, pixel, channels, inside, rows, to)
            for e in range(t * row + terms, t * row + lines * KR):
                rows[e] = 0
        for line in range(lines):
            for t in range(some):
                to, c = (line * height + t0 + t) * KR, 0
                while c < KR:
                    move(rows, t * row + line * KR + c, packed, to + c)
                    c += lanes


@subroutine
def _pack_pixel(flat, pixel, channels, inside, rows, to):  # type: ignore[no-untyped-def]
    """Some channels of a pixel, or zeros outside the image; in whole vectors where x allows it."""
    lanes = lanes_of(flat)
    if not inside:
        for c in range(channels):
            rows[to + c] = 0
    elif pixel + channels + lanes <= flat.size:
        c = 0
        while c < channels:
            move(flat, pixel + c, rows, to + c)
            c += lanes
    else:
        for c in range(channels):
            rows[to + c] = flat[pixel + c]
