"""Blocked implicit im2col: blocks of windows packed in cache for the micro-kernel.

    y[(n p q), k] = windows[(n p q), (r s c)] w[(r s c), k]

A thread takes a block of MC output pixels, packs their windows for the micro-kernel
(`micro_kernel.py`), and multiplies them by the packed filters, KC terms of the sum at a time: KC
terms of one panel of filters stay in L1, those of the block in L2 (Goto, van de Geijn 2008). Each
pixel of a window is moved twice for K products, so arithmetic is the limit. `windows.py` defines
the windows of x (fprop) or of gy (dgrad).
"""

from __future__ import annotations

from functools import lru_cache, partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.compilation import entry_point, inlined, subroutine
from kernels.cpu.epilogue import apply, nothing
from kernels.cpu.micro_kernel import MR, outer_packed
from kernels.cpu.vector import KR, lanes, lanes_of, move, move_rectified
from kernels.cpu.windows import Windows, pack_windows

BLOCK = 96
"""MC, the pixels of a block: whole tiles of 6 and of 12 rows, and of 16 terms."""
READING = 8
"""Pixels that are multiplied in the time in which a block reads the packed filters, about."""
NEARLY = 33 / 32
"""Of the shortest time."""
TERMS = 24
"""KC, the terms of the sum at a time, in lines of 16."""


def pack(
    w: np.ndarray, windows: Windows, groups: int, inputs: int, outputs: int,
    strides: tuple[int, int, int, int],
) -> np.ndarray:  # fmt: skip
    """Packed filters (groups, phases x panels, terms, NR) for `product`.

    strides: of w in elements, for an output channel, an input channel, a row and a column of taps;
    inputs, outputs: channels of a group.
    """
    NR = 2 * lanes(w.dtype)
    panels = len(windows.taps) * -(-outputs // NR)
    packed = memory.empty((groups, panels, windows.terms(inputs) * NR), w.dtype)
    each = w.size // groups
    for group in range(groups):
        flat = memory.flat(w)[group * each :]
        _pack(flat, inputs, outputs, windows.size, strides, windows.taps, packed[group].reshape(-1))
    return packed


@entry_point(parallel=True)
def _pack(w, inputs, outputs, size, strides, taps, packed):  # type: ignore[no-untyped-def]
    """16 inputs at a time, with all their taps and panels: w is read nearly sequentially."""
    NR = 2 * lanes_of(w)
    panels, blocks = (outputs + NR - 1) // NR, (inputs + KR - 1) // KR
    for unit in numba.prange(len(taps) * blocks):
        q, first = unit // blocks, unit % blocks * KR
        count = min(KR, inputs - first)
        for panel in range(panels):
            row, o = q * panels + panel, panel * NR
            some = min(NR, outputs - o)
            for tap in range(size[0] * size[1]):
                r, s = taps[q, 0, tap // size[1]], taps[q, 1, tap % size[1]]
                has = some if r >= 0 and s >= 0 else 0
                start = o * strides[0] + first * strides[1] + r * strides[2] + s * strides[3]
                at = ((row * size[0] * size[1] + tap) * inputs + first) * NR
                pack_tap(w, start, strides[0], strides[1], count, has, packed, at, NR)


@subroutine
def pack_tap(w, start, out_step, in_step, count, has, packed, at, NR):  # type: ignore[no-untyped-def]
    """One tap of `count` inputs by a panel of outputs; those from `has` on are 0."""
    if has == NR and out_step == 1:
        for i in range(count):
            for k in range(0, NR, lanes_of(w)):
                move(w, start + i * in_step + k, packed, at + i * NR + k)
        return
    for i in range(count):
        for k in range(has):
            packed[at + i * NR + k] = w[start + i * in_step + k * out_step]
        for k in range(has, NR):
            packed[at + i * NR + k] = 0


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
    """Write y (N,K,...) = windows of x (N,C,...) times `packed` [+ bias], then ReLU if asked."""
    bind_product(x, packed, windows, inputs, outputs, y, Options(bias, rectify))()


def bind_product(
    x: np.ndarray,
    packed: np.ndarray,
    windows: Windows,
    inputs: int,
    outputs: int,
    y: np.ndarray,
    options: Options,
) -> Call:
    """The call of `product` that writes this y.

    An epilogue needs the windows of fprop: those of dgrad write y in phases.
    """
    bias = np.zeros(outputs * len(packed), x.dtype) if options.bias is None else options.bias
    positions = x.shape[0] * windows.P * windows.Q
    block, blocks = balanced(positions)
    return in_turn(*(
        partial(
            _product, memory.nhwc(x), packed[group].reshape(-1), memory.nhwc(y), group * inputs,
            inputs, group * outputs, outputs, bias, options.rectify, block, blocks, positions,
            (windows.P, windows.Q), windows.size, windows.stride, windows.dilation,
            windows.origin, windows.out_step, windows.out_at,
            options.epilogue or nothing(x.dtype),
        )
        for group in range(len(packed))
    ))  # fmt: skip


@lru_cache(maxsize=1024)
def balanced(positions: int) -> tuple[int, int]:
    """(pixels of a block, blocks): at most BLOCK, whole tiles.

    Of the sizes that take two threads nearly the shortest time, that which suits eight best.
    """
    sizes = range(MR, BLOCK + 1, MR)
    two, eight = ({size: _time(positions, size, count) for size in sizes} for count in (2, 8))
    near = [size for size in sizes if two[size] <= NEARLY * min(two.values())]
    block = min(near, key=lambda size: (eight[size], -size))
    return block, -(-positions // block)


def _time(positions: int, block: int, count: int) -> int:
    """Of blocks on `count` threads, in that of a pixel."""
    return -(-positions // (block * count)) * (block + READING)


def bias_of_panels(bias: np.ndarray | None, outputs: int, dtype: np.dtype) -> np.ndarray:
    """bias (outputs,), or zeros for None, with zeros up to a whole panel of filters."""
    NR = 2 * lanes(dtype)
    whole = np.zeros(-(-outputs // NR) * NR, dtype)
    whole[:outputs] = 0 if bias is None else bias
    return whole


def without_products(
    y: np.ndarray, bias: np.ndarray | None = None, rectify: bool = False
) -> np.ndarray:
    """The result of an empty sum: `bias` alone, with ReLU if asked for."""
    y[...] = 0 if bias is None else bias[:, None, None]
    return np.maximum(y, 0, out=y) if rectify else y


@entry_point(parallel=True)
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
    epilogue,
):
    NR = 2 * lanes_of(x)
    terms = size[0] * size[1] * channels
    lines, panels = (terms + KR - 1) // KR, packed.size // (terms * NR)
    for b in numba.prange(blocks):
        first = np.int64(b) * block
        count = min(block, positions - first)
        height = (count + MR - 1) // MR * MR
        a = np.empty(lines * height * KR, x.dtype)
        sums = np.empty(panels * height * NR, x.dtype)
        pack_windows(x, c0, channels, first, count, height, plane, size, stride, dilation, origin,
                     a)  # fmt: skip
        _multiply(a, packed, sums, height, terms)
        _write(sums, height, y, first, count, k0, filters, bias, rectify, plane, out_step,
               out_at)  # fmt: skip
        K = y.shape[3]
        apply(epilogue, y.reshape(-1), first * K + k0, count, K, filters)  # (N,P,Q,K) -> (NPQK,)


@subroutine
def _multiply(a, packed, sums, height, terms):  # type: ignore[no-untyped-def]
    """sums (panels,height,NR) = a (lines,height,KR) x packed (panels,terms,NR)."""
    NR = 2 * lanes_of(a)
    for line in range(0, (terms + KR - 1) // KR, TERMS):
        some = min(TERMS * KR, terms - line * KR)
        for panel in range(packed.size // (terms * NR)):
            for t in range(0, height, MR):
                # (MR,some) x (some,2L) -> (MR,2L), added to the sums of the lines before
                outer_packed(a, (line * height + t) * KR, height * KR,
                           packed, (panel * terms + line * KR) * NR, sums,
                           (panel * height + t) * NR, NR, some // KR, some % KR,
                           line > 0, 0)  # fmt: skip


@subroutine
def _write(  # type: ignore[no-untyped-def]
    sums, height, y, first, count, k0, filters, bias, rectify, plane, out_step, out_at
):
    """y = sums (panels,height,NR) + bias of `count` positions from `first` on."""
    _, H, W, K = y.shape
    out = y.reshape(-1)  # (N,H,W,K) -> (NHWK,), the same memory
    NR = 2 * lanes_of(sums)
    of_phase = (filters + NR - 1) // NR
    for t in range(count):
        n, rest = (first + t) // (plane[0] * plane[1]), (first + t) % (plane[0] * plane[1])
        p, q = rest // plane[1], rest % plane[1]
        for panel in range(sums.size // (height * NR)):
            phase, k = panel // of_phase, panel % of_phase * NR
            h, w = p * out_step[0] + out_at[phase, 0], q * out_step[1] + out_at[phase, 1]
            if 0 <= h < H and 0 <= w < W:
                at = (panel * height + t) * NR
                to = ((n * H + h) * W + w) * K + k0 + k
                finish(sums, at, bias, k0 + k, rectify, out, to, min(NR, filters - k))


@inlined
def finish(sums, at, bias, k0, rectify, y, to, count):  # type: ignore[no-untyped-def]
    """Epilogue of one pixel: y[to..] = sums + bias, with ReLU if asked for (NaN stays NaN)."""
    lanes = lanes_of(sums)
    k = 0
    while k + lanes <= count:  # a range with a step would divide
        move_rectified(sums, at + k, bias, k0 + k, rectify, y, to + k)
        k += lanes
    while k < count:
        value = sums[at + k] + bias[k0 + k]
        y[to + k] = 0 if rectify and value <= 0 else value
        k += 1
