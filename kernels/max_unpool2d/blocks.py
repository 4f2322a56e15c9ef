"""Unpooling of stride x stride pixels at a time, as a gather with unrolled window sizes.

    x[n,c,h,w] = sum over the windows (p, q) that contain (h, w) of y[n,c,p,q] if their switch is it

`gather.py` lists the windows that contain each pixel and reads them for it. But the pixels of a
block, between two positions of the window, are contained in the same few windows: 3x3 at stride 2
in four, of which the first pixel is in all, its two neighbours in two, and the last pixel in one.
So these windows are read once for all four pixels, a vector of channels at a time, with the pairs
of pixel and window unrolled for each of the common sizes in WINDOWS (`kernels/cpu/taps.py`). A
window outside of the plane matches no switch; a pixel outside is written to scratch memory. Only
sums, and at least a vector of channels, are supported.

Each switch must be inside its own window, as max-pooling returns it. N C P Q R S comparisons,
N C (H W + 2 A P Q) values read and written for A windows per block; bound by memory.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.geometry import PoolGeometry
from kernels.contract.problem import FLOAT32, Problem
from kernels.contract.registry import kernel
from kernels.cpu.taps import WINDOWS, State, Vectors, intrinsic
from kernels.cpu.vector import choose, lanes

_I64, _I32 = ir.IntType(64), ir.IntType(32)


def supports(problem: Problem) -> bool:
    """Sums, sizes and strides in WINDOWS without cropping at the top or left, and at least a vector
    of channels."""
    g = problem.geometry
    known = (g.R, g.S, g.stride[0]) in WINDOWS and g.stride[0] == g.stride[1]
    whole = known and g.dilation == (1, 1) and min(g.padding[0], g.padding[2]) >= 0
    return whole and problem.collisions == "sum" and lanes(problem.dtype) <= g.C


def nanoseconds(problem: Problem) -> float:
    """Fitted in float32. Fewer channels than a vector were never timed: infinity, so that then the
    kernel is chosen only by name."""
    g = problem.geometry
    if lanes(FLOAT32) > g.C:
        return math.inf
    return float(g.N * g.C * (0.03 * g.R * g.S * g.P * g.Q + 0.1 * g.H * g.W))


@kernel(
    "max_unpool2d", name="blocks", cost=Cost(nanoseconds), abilities=Abilities(supports=supports)
)
def forward(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q), switches (N,C,P,Q) int32 -> x (N,C,H,W).

    ValueError for a geometry that it does not support.
    """
    x = memory.empty(g.x_shape, y.dtype, "NHWC")
    if x.size and not y.size:
        x[...] = 0
    elif x.size:
        number = WINDOWS.index((g.R, g.S, g.stride[0]))
        arrays = memory.nhwc(y), memory.nhwc(switches), memory.nhwc(x)
        _unpool(number, *arrays, g.stride[0], g.padding[0], g.padding[2])
    return x


@entry_point(parallel=True)
def _unpool(number, y, switches, x, stride, above, before):  # type: ignore[no-untyped-def]
    _, P, Q, C = y.shape
    N, H, W, _ = x.shape
    rows, columns = (H + above + stride - 1) // stride, (W + before + stride - 1) // stride
    for row in numba.prange(N * rows):
        n, p = row // rows, row % rows
        h = p * stride - above
        for q in range(columns):
            w = q * stride - before
            window, pixel = ((n * P + p) * Q + q) * C, ((n * H + h) * W + w) * C
            from_windows(number, y, switches, window, C, p, P, q, Q, x, pixel, h, H, w, W)


class _Block:
    """LLVM instructions for the windows (p - a, q - b) and the pixels (h + i, w + j) of a block, a
    vector of their channels at a time."""

    def __init__(self, v: Vectors, window: tuple[int, int, int]) -> None:
        self.v, self.builder = v, v.builder
        self.R, self.S, self.stride = window
        before = [-(-size // self.stride) for size in (self.R, self.S)]
        self.windows = {
            (a, b): self.window(a, b) for a in range(before[0]) for b in range(before[1])
        }
        self.pixels = {
            (i, j): self.pixel(i, j) for i in range(self.stride) for j in range(self.stride)
        }

    def window(self, a: int, b: int) -> tuple[ir.Value, ir.Value]:
        """(offset of window (p - a, q - b), mask that invalidates its switches outside)."""
        builder = self.builder
        _, _, _, at, C, p, P, q, Q, *_ = self.v.args
        there = self.within(builder.sub(p, _I64(a)), P, builder.sub(q, _I64(b)), Q)
        back = builder.mul(C, builder.add(builder.mul(Q, _I64(a)), _I64(b)))
        offset = builder.select(there, builder.sub(at, back), _I64(0))
        return offset, self.v.splat(builder.select(there, _I32(0), _I32(-1)))

    def pixel(self, i: int, j: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """(whether pixel (h + i, w + j) is on the plane, its offset, its index in all lanes)."""
        builder = self.builder
        _, _, _, _, C, *_, to, h, H, w, W = self.v.args
        h, w = builder.add(h, _I64(i)), builder.add(w, _I64(j))
        offset = builder.mul(C, builder.add(builder.mul(W, _I64(i)), _I64(j)))
        index = builder.trunc(builder.add(builder.mul(h, W), w), _I32)
        return self.within(h, H, w, W), builder.add(to, offset), self.v.splat(index)

    def write(self) -> None:
        """Write the sums of all C channels. Selecting one of two addresses avoids a branch."""
        builder, v, C = self.builder, self.v, self.v.args[4]
        nowhere = cgutils.alloca_once(builder, v.floats)

        def step(c: ir.Value, state: State) -> State:
            for place, total in self.sums(c).items():
                there, offset, _ = self.pixels[place]
                pointer = builder.bitcast(v.at(9, builder.add(offset, c)), v.floats.as_pointer())
                builder.store(total, builder.select(there, pointer, nowhere), align=4)
            return state

        v.over(C, [], step)

    def sums(self, c: ir.Value) -> dict[tuple[int, int], ir.Value]:
        """The sum of each pixel, windows in row order: the same bits as `gather.py`."""
        builder, v = self.builder, self.v
        sums: dict[tuple[int, int], ir.Value] = {}
        for (a, b), (offset, none) in reversed(self.windows.items()):
            (value,) = v.load(1, builder.add(offset, c), v.floats)
            switch = builder.or_(v.load(2, builder.add(offset, c), v.integers)[0], none)
            for i in range(min(self.stride, self.R - a * self.stride)):
                for j in range(min(self.stride, self.S - b * self.stride)):
                    met = builder.icmp_signed("==", switch, self.pixels[i, j][2])
                    term = builder.select(met, value, v.zeros()[0])
                    before = sums.get((i, j))
                    sums[i, j] = builder.fadd(before, term) if before else term
        return sums

    def within(self, row: ir.Value, rows: ir.Value, column: ir.Value, columns: ir.Value) -> ir.Value:  # fmt: skip  # noqa: E501
        """0 <= row < rows and 0 <= column < columns; as unsigned, negative numbers are large."""
        fits = self.builder.icmp_unsigned("<", row, rows)
        return self.builder.and_(fits, self.builder.icmp_unsigned("<", column, columns))


@intrinsic
def from_windows(typingctx, number, y, switches, at, C, p, P, q, Q, x, to, h, H, w, W):  # type: ignore[no-untyped-def]  # fmt: skip
    """Write a block of pixels, of WINDOWS[number]: (h, w) is the first of them, at x[to].

    Its windows are (p, q), at y[at] and switches[at], and those before it that contain pixels of
    the block. There are C channels, at least a vector.
    """
    i64 = types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        v = Vectors(context, builder, signature, args, data=1, count=1)
        choose(builder, args[0], range(len(WINDOWS)), lambda i: _Block(v, WINDOWS[i]).write())
        return context.get_dummy_value()

    sizes = i64, i64, i64, i64, i64, i64
    return types.void(i64, y, switches, *sizes, x, i64, *sizes[:4]), generate
