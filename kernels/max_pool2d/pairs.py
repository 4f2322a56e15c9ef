"""Max-pooling of two vertically adjacent windows at a time, with their shared rows compared once.

    y[n,c,p,q] = max over the window of x;  switch[n,c,p,q] = h W + w of that maximum

`registers.py` compares every tap of every window: 8 steps for a 3x3 window, each of two
comparisons, one of which is for NaN. Here

    1. the maximum of each row of a window is computed first, then that of the rows. A row that is
       shared by the two windows is computed once. With rows in order and the first of equals in
       each, the first of all equals is found. 3x3 windows at stride 2 need 7 comparisons for 8.
    2. one comparison is enough for numbers. NaN is tested for two values at a time, by one
       comparison; if there is one, `greatest`, which handles NaN, pools both windows again.
    3. if x is larger than the last-level cache, both windows' rows are prefetched
       (`kernels/cpu/prefetch.py`).

The taps are unrolled for each of the common sizes in WINDOWS, for one vector of channels at a time:
the registers hold no more. Windows over the border are left to `greatest` (`kernels/cpu/taps.py`).
Fewer channels than its block, or a single row of windows, are not supported. At most N C P Q 3 R S
/ 2 comparisons, and R S loads per window; N C (H W + 2 P Q) values are moved, and large planes are
bound by memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils

from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import FLOAT32, Problem
from kernels.contract.registry import kernel
from kernels.cpu.places import taps
from kernels.cpu.prefetch import far, touch_rows
from kernels.cpu.taps import WINDOWS, State, Vectors, channels, greatest, intrinsic
from kernels.cpu.vector import choose

Results = tuple[np.ndarray, np.ndarray]
"""y and switches."""
Tap = tuple[ir.Value, ir.Value]
"""A value and its index in the plane."""
_I64, _I32 = ir.IntType(64), ir.IntType(32)


def supports(problem: Problem) -> bool:
    """Sizes and strides in WINDOWS, at least two rows of windows and a block of channels."""
    g = problem.geometry
    known = (g.R, g.S, g.stride[0]) in WINDOWS and g.dilation == (1, 1)
    return known and g.P > 1 and channels(problem.dtype) <= g.C


def nanoseconds(problem: Problem) -> float:
    """Fitted in float32. Fewer channels than a block were never timed: infinity, so that the kernel
    is then chosen only by name."""
    g = problem.geometry
    if channels(FLOAT32) > g.C:
        return math.inf
    return float(g.N * g.P * g.Q * g.R * g.S * (2 + 0.1 * g.C))


def window_of(g: PoolGeometry) -> tuple[int, ...]:
    """Parameters of `pool_rows`: R, S, stride of rows and columns, padding at the top and left."""
    return g.R, g.S, *g.stride, g.padding[0], g.padding[2]


def bind(x: np.ndarray, g: PoolGeometry, out: Results, options: Options) -> Call:
    """The call of `forward` that writes these results (y, switches)."""
    number = WINDOWS.index((g.R, g.S, g.stride[0]))
    arrays = memory.nhwc(x), *(memory.nhwc(each) for each in out)
    return partial(_pool, number, *arrays, window_of(g), channels(x.dtype), far(x))


@kernel(
    "max_pool2d",
    name="pairs",
    cost=Cost(nanoseconds),
    abilities=Abilities(supports=supports, into=True, bind=bind),
)
def forward(x: np.ndarray, g: PoolGeometry, *, out: Results | None = None) -> Results:
    """x (N,C,H,W) -> y (N,C,P,Q) of x's type, switches (N,C,P,Q) int32.

    ValueError for a geometry that it does not support.
    """
    results = out or (
        memory.empty(g.y_shape, x.dtype, "NHWC"),
        memory.empty(g.y_shape, np.int32, "NHWC"),
    )
    if results[0].size:
        bind(x, g, results, Options())()
    return results


@entry_point(parallel=True)
def _pool(number, x, y, switches, window, block, distance):  # type: ignore[no-untyped-def]
    N, P, Q, C = y.shape
    H, W = x.shape[1:3]
    stride, above = window[2], window[4]
    alone = 1 if above > 0 else 0  # the first row of windows, if it begins in the padding
    units = alone + (P - alone + 1) // 2
    for unit in numba.prange(N * units):
        n, u = unit // units, unit % units
        # A remaining single row is computed with the row before it, whose results do not change.
        p, rows = (0, 1) if u < alone else (min(2 * u - alone, P - 2), 2)
        if distance:
            top, R = p * stride - above, window[0]
            touch_rows(x, n, top, top + (rows - 1) * stride + R)
        pool_rows(number, x, n * H * W * C, H, W, C, p, rows, window, y, switches,
                  (n * P + p) * Q * C, Q, block)  # fmt: skip


@subroutine
def pool_rows(number, x, plane, H, W, C, p, rows, window, y, switches, to, Q, block):  # type: ignore[no-untyped-def]  # fmt: skip
    """Rows p and, of two, p + 1 of Q windows of WINDOWS[number], to y[to..] and switches[to..].

    The plane (H,W,C) begins at x[plane]; only the pixels of these windows are read.
    """
    R, S, stride, across, above, before = window
    offsets, places = np.empty(R * S, np.int64), np.empty(R * S, np.int32)
    top = p * stride - above
    inside = rows == 2 and top >= 0 and top + stride + R <= H
    for q in range(Q):
        left, there = q * across - before, to + q * C
        if inside and left >= 0 and left + S <= W:
            here, place = plane + (top * W + left) * C, top * W + left
            if two_windows(number, x, here, W * C, C, place, W, y, switches, there, Q * C):
                continue
        for i in range(rows):
            down = top + i * stride
            count = taps(offsets, places, plane, H, W, C, down, left, R, S, (1, 1))
            for c in range(0, C, block):
                at = min(c, C - block)
                greatest(x, offsets, places, count, at, y, switches, there + i * Q * C + at, 0)


class _Pair:
    """LLVM instructions for two windows, a vector of their channels at a time.

    Row r of the two windows begins at x[rows[r]], with index begins[r] in the plane; pixel s of a
    row is columns[s] elements after it.
    """

    def __init__(self, v: Vectors, window: tuple[int, int, int]) -> None:
        self.v, self.builder = v, v.builder
        self.R, self.S, self.stride = window
        _, _, at, row, self.pixel, place, W, *_, to, to_row = v.args
        lines = range(self.R + self.stride)
        self.rows = [self.step(at, r, row) for r in lines]
        self.begins = [v.splat(self.builder.trunc(self.step(place, r, W), _I32)) for r in lines]
        self.results = to, self.builder.add(to, to_row)

    def step(self, first: ir.Value, count: int, size: ir.Value) -> ir.Value:
        return self.builder.add(first, self.builder.mul(size, _I64(count)))

    def write(self, C: ir.Value) -> ir.Value:
        """Write both windows' results for all C channels; return whether no tap was NaN."""
        bits = ir.IntType(self.v.lanes)
        all_bits = ir.Constant(ir.VectorType(ir.IntType(1), self.v.lanes), [1] * self.v.lanes)
        (numbers,) = self.v.over(C, [all_bits], self.vector)
        return self.builder.icmp_unsigned("==", self.builder.bitcast(numbers, bits), bits(-1))

    def vector(self, c: ir.Value, state: State) -> State:
        """Write both windows' results for the vector of channels at c."""
        v = self.v
        self.columns = [self.step(c, s, self.pixel) for s in range(self.S)]
        self.seen: list[ir.Value] = []
        lines = [self.line(r) for r in range(len(self.rows))]
        for first, to in zip((0, self.stride), self.results, strict=True):
            best, switch = self.largest(lines[first : first + self.R])
            v.store([best], 7, self.builder.add(to, c), v.floats)
            v.store([switch], 8, self.builder.add(to, c), v.integers)
        (numbers,) = state
        firsts, others = self.seen[::2], self.seen[1::2]
        for a, b in itertools.zip_longest(firsts, others, fillvalue=firsts[-1]):
            numbers = self.builder.and_(numbers, self.builder.fcmp_ordered("ord", a, b))
        return [numbers]

    def line(self, r: int) -> Tap:
        """The largest value of a row, and its index."""
        builder, v = self.builder, self.v
        values = [v.load(1, builder.add(self.rows[r], s), v.floats)[0] for s in self.columns]
        self.seen += values
        taps = [(x, ir.Constant(v.integers, [_I32(s)] * v.lanes)) for s, x in enumerate(values)]
        best, column = self.largest(taps)
        return best, builder.add(self.begins[r], column)

    def largest(self, taps: Sequence[Tap]) -> Tap:
        """The largest of several taps; the first of equals.

        The comparison is "not at most", which equals "above" for numbers. LLVM would merge "above"
        and the selection into one instruction, which competes with the comparisons for the same two
        of four execution units.
        """
        best, switch = taps[0]
        for value, place in taps[1:]:
            larger = self.builder.fcmp_unordered(">", value, best)
            best = self.builder.select(larger, value, best)
            switch = self.builder.select(larger, place, switch)
        return best, switch


@intrinsic
def two_windows(typingctx, number, x, at, row, pixel, place, W, y, switches, to, to_row):  # type: ignore[no-untyped-def]  # fmt: skip
    """Pool two windows of WINDOWS[number], the second `stride` rows below, as if no tap were NaN;
    return whether that is so.

    The first tap of the first window is x[at], with index `place` in its plane. Rows are `row`
    elements apart, pixels `pixel`, which is the number of channels, at least a vector. Results are
    written at y[to] and switches[to], and `to_row` elements further.
    """
    i64 = types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        v = Vectors(context, builder, signature, args, data=1, count=1)
        numbers = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(1), 0))

        def write(i: int) -> None:
            builder.store(_Pair(v, WINDOWS[i]).write(v.args[4]), numbers)

        choose(builder, args[0], range(len(WINDOWS)), write)
        return builder.load(numbers)

    sizes = i64, i64, i64, i64, i64
    return types.boolean(i64, x, *sizes, y, switches, i64, i64), generate
