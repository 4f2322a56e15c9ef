"""Max-pooling two windows at a time, one above the other, for the windows that networks use.

    y[n,c,p,q] = max over the window of x;  switch[n,c,p,q] = h W + w of that maximum

`registers.py` compares every tap of every window: 8 comparisons of a 3x3 window, each of them two,
one of which looks for NaN. Here

    1. a row of a window is compared first, then its rows: the row that two windows share, one above
       the other, is compared once. Rows in their order, and the first of equals in each: still the
       first of all. 3x3 windows at stride 2 need 7 comparisons for 8.
    2. among numbers one comparison does; whether all are numbers is asked of their sum: where it is
       NaN, both windows are done anew by `greatest`, which knows about NaN. (Infinities of both
       signs have that sum too, and take the longer way to the same result.)

The code is unrolled for each of WINDOWS, the channels of a block are VECTORS vectors
(`kernels/taps.py`). Windows over the border have taps that are padding: `greatest` takes them;
fewer channels, or a single row of windows, `registers`.
N C P Q (R S - 1) comparisons at most, as many loads; large planes are bound by memory.
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from kernels import memory
from kernels.geometry import PoolGeometry
from kernels.max_pool2d.registers import forward as registers
from kernels.max_pool2d.registers import taps
from kernels.registry import kernel
from kernels.taps import VECTORS, State, Vectors, channels, greatest, intrinsic

WINDOWS = (3, 3, 2), (2, 2, 2), (3, 3, 1), (2, 2, 1)
"""Rows, columns and the stride downwards: ZFNet's and most others', VGG's, Inception's."""
Line = tuple[State, State]
_I64, _I32 = ir.IntType(64), ir.IntType(32)


def supports(g: PoolGeometry) -> bool:
    """Whether its window and stride are of WINDOWS."""
    return (g.R, g.S, g.stride[0]) in WINDOWS and g.dilation == (1, 1)


def cost(g: PoolGeometry) -> float:
    """Fewer channels than a block, or windows in one row, are left to `registers`."""
    if g.P == 1 or channels(np.dtype(np.float32)) > g.C:
        return registers.cost(g) + 1
    return g.N * g.P * g.Q * g.R * g.S * (2 + 0.1 * g.C)


def window_of(g: PoolGeometry) -> tuple[int, ...]:
    """What `pool_rows` is told: R, S, the stride down and across, padding above and before."""
    return g.R, g.S, *g.stride, g.padding[0], g.padding[2]


@kernel("max_pool2d", name="pairs", supports=supports, cost=cost, into=True)
def forward(
    x: np.ndarray, g: PoolGeometry, *, out: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W) -> y (N,C,P,Q) of x's type, switches (N,C,P,Q) int32."""
    block = channels(x.dtype)
    if g.P == 1 or block > g.C:
        return registers(x, g, out=out)
    y, switches = out or (
        memory.empty(g.y_shape, x.dtype, "NHWC"),
        memory.empty(g.y_shape, np.int32, "NHWC"),
    )
    if y.size:
        number = WINDOWS.index((g.R, g.S, g.stride[0]))
        arrays = memory.nhwc(x), memory.flat(x), memory.nhwc(y), memory.flat(y)
        _pool(number, *arrays, memory.flat(switches), window_of(g), block)
    return y, switches


@numba.njit(parallel=True, cache=True)
def _pool(number, x, values, y, best, switches, window, block):  # type: ignore[no-untyped-def]
    N, P, Q, C = y.shape
    H, W = x.shape[1:3]
    pairs = (P + 1) // 2
    for pair in numba.prange(N * pairs):
        # Of an odd number of rows the last but one is done twice, to the same numbers.
        n, p = pair // pairs, min(pair % pairs * 2, P - 2)
        pool_rows(number, values, n * H * W * C, H, W, C, p, window, best, switches,
                  (n * P + p) * Q * C, Q, block)  # fmt: skip


@numba.njit(cache=True)
def pool_rows(number, x, plane, H, W, C, p, window, y, switches, to, Q, block):  # type: ignore[no-untyped-def]  # fmt: skip
    """Rows p and p + 1 of Q windows each, of WINDOWS[number], to y[to..] and switches[to..].

    The plane (H,W,C) begins at x[plane]; no more of it need be there than the windows see.
    """
    R, S, stride, across, above, before = window
    offsets, places = np.empty(R * S, np.int64), np.empty(R * S, np.int32)
    top = p * stride - above
    inside = top >= 0 and top + stride + R <= H
    for q in range(Q):
        left = q * across - before
        simple = inside and left >= 0 and left + S <= W
        here, there = plane + (top * W + left) * C, to + q * C
        for c in range(0, C, block):
            at = min(c, C - block)
            if simple and two_windows(
                number, x, here + at, W * C, C, top * W + left, W,
                y, switches, there + at, Q * C,
            ):  # fmt: skip
                continue
            for i in range(2):
                down, row = top + i * stride, there + at + i * Q * C
                count = taps(offsets, places, plane, H, W, C, down, left, R, S, (1, 1))
                greatest(x, offsets, places, count, at, y, switches, row, 0)


class _Pair:
    """LLVM instructions for two windows: rows of R + stride, columns of S."""

    def __init__(self, v: Vectors, window: tuple[int, int, int]) -> None:
        self.v, self.builder = v, v.builder
        self.R, self.S, self.stride = window
        self.total = v.zeros()

    def line(self, r: int) -> Line:
        """The largest of a row of the window, and where it is."""
        builder, v = self.builder, self.v
        _, _, at, row, pixel, place, W, *_ = v.args
        first = builder.add(at, builder.mul(row, _I64(r)))
        taps = []
        for s in range(self.S):
            values = v.load(1, builder.add(first, builder.mul(pixel, _I64(s))), v.floats)
            self.total = [builder.fadd(a, b) for a, b in zip(self.total, values, strict=True)]
            taps.append((values, [ir.Constant(v.integers, [_I32(s)] * v.lanes)] * VECTORS))
        best, columns = self.largest(taps)
        begin = v.splat(builder.trunc(builder.add(place, builder.mul(W, _I64(r))), _I32))
        return best, [builder.add(begin, column) for column in columns]

    def largest(self, lines: list[Line]) -> Line:
        """Of several the largest, of equals the first.

        "Not at most" says the same of numbers as "above", but LLVM makes one instruction of the
        latter and the choice, which waits for the same two of four units as the comparison.
        """
        best, switch = lines[0]
        for values, places in lines[1:]:
            pairs = zip(values, best, strict=True)
            larger = [self.builder.fcmp_unordered(">", new, old) for new, old in pairs]
            best, switch = self.v.where(larger, values, best), self.v.where(larger, places, switch)
        return best, switch

    def numbers(self) -> ir.Value:
        """Whether all that was seen are numbers; NaN is in no sum that is one."""
        total = functools.reduce(self.builder.fadd, self.total)
        strange = self.builder.fcmp_unordered("uno", total, total)
        bits = ir.IntType(self.v.lanes)
        return self.builder.icmp_unsigned("==", self.builder.bitcast(strange, bits), bits(0))

    def write(self) -> ir.Value:
        """Both windows' results; whether they are right."""
        *_, to, to_row = self.v.args
        lines = [self.line(r) for r in range(self.R + self.stride)]
        for first, place in ((0, to), (self.stride, self.builder.add(to, to_row))):
            best, switch = self.largest(lines[first : first + self.R])
            self.v.store(best, 7, place, self.v.floats)
            self.v.store(switch, 8, place, self.v.integers)
        return self.numbers()


@intrinsic
def two_windows(typingctx, number, x, at, row, pixel, place, W, y, switches, to, to_row):  # type: ignore[no-untyped-def]  # fmt: skip
    """Pool two windows of WINDOWS[number], the second `stride` rows below, in a block of channels.

    The first tap of the first is x[at], pixel `place` of its plane; rows and pixels are `row` and
    `pixel` elements apart. Results go to y[to], switches[to] and `to_row` further. True if they
    are right: false means that there may be NaN among what the windows hold.
    """
    i64 = types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        v = Vectors(context, builder, signature, args, data=1)
        after = builder.append_basic_block("windows.after")
        chosen = builder.switch(args[0], after)
        results = [(ir.IntType(1)(0), builder.block)]
        for i, window in enumerate(WINDOWS):
            case = builder.append_basic_block(f"windows.{i}")
            chosen.add_case(_I64(i), case)
            builder.position_at_end(case)
            right = _Pair(v, window).write()
            results.append((right, builder.block))
            builder.branch(after)
        builder.position_at_end(after)
        result = builder.phi(ir.IntType(1))
        for value, block in results:
            result.add_incoming(value, block)
        return result

    sizes = i64, i64, i64, i64, i64
    return types.boolean(i64, x, *sizes, y, switches, i64, i64), generate
