"""Unpooling a block of stride x stride pixels at a time, for the windows that networks use.

    x[n,c,h,w] = sum over the windows (p, q) that hold (h, w) of y[n,c,p,q] where their switch is it

`gather.py` makes a list of the windows of each pixel and reads them for it. Between two stops of
the window the pixels of a block are held by the same few windows: 3x3 at stride 2 by four, of which
the first pixel meets all, its neighbours two and the last one. So those are read once for all four
pixels, and which pixel meets which is unrolled for each of WINDOWS; the channels of a block are
VECTORS vectors (`kernels/taps.py`). A window that is not there has no switch, a pixel that is not
there is not written. Other laws than the sum, and fewer channels, are left to `gather`.

Each switch has to lie in its own window, as pooling leaves them. N C P Q R S comparisons,
N C (H W + 2 A P Q) values read and written for A windows a block; bound by memory.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from kernels import memory
from kernels.geometry import PoolGeometry
from kernels.max_unpool2d.gather import forward as gather
from kernels.registry import kernel
from kernels.taps import State, Vectors, channels, intrinsic

WINDOWS = (3, 3, 2), (2, 2, 2), (3, 3, 1), (2, 2, 1)
"""Rows, columns and the stride: ZFNet's and most others', VGG's, Inception's."""
_I64, _I32 = ir.IntType(64), ir.IntType(32)


def supports(g: PoolGeometry) -> bool:
    """Whether its window and stride are of WINDOWS, and nothing is cropped before the first."""
    known = (g.R, g.S, g.stride[0]) in WINDOWS and g.stride[0] == g.stride[1]
    return known and g.dilation == (1, 1) and min(g.padding[0], g.padding[2]) >= 0


def cost(g: PoolGeometry) -> float:
    """Fewer channels than a block are left to `gather`."""
    if channels(np.dtype(np.float32)) > g.C:
        return gather.cost(g) + 1
    return g.N * g.C * (0.03 * g.R * g.S * g.P * g.Q + 0.1 * g.H * g.W)


@kernel("max_unpool2d", name="blocks", supports=supports, cost=cost)
def forward(
    y: np.ndarray, switches: np.ndarray, g: PoolGeometry, *, collisions: str = "sum"
) -> np.ndarray:
    """y (N,C,P,Q), switches (N,C,P,Q) int32 -> x (N,C,H,W)."""
    block = channels(y.dtype)
    if collisions != "sum" or block > g.C:
        return gather(y, switches, g, collisions=collisions)
    x = memory.empty(g.x_shape, y.dtype, "NHWC")
    if x.size and not y.size:
        x[...] = 0
    elif x.size:
        number = WINDOWS.index((g.R, g.S, g.stride[0]))
        arrays = memory.nhwc(y), memory.flat(y), memory.flat(switches), memory.nhwc(x)
        _unpool(number, *arrays, memory.flat(x), g.stride[0], g.padding, block)
    return x


@numba.njit(parallel=True, cache=True)
def _unpool(number, y, values, switches, x, sums, stride, padding, block):  # type: ignore[no-untyped-def]  # fmt: skip
    _, P, Q, C = y.shape
    N, H, W, _ = x.shape
    rows = (H + padding[0] + stride - 1) // stride
    columns = (W + padding[2] + stride - 1) // stride
    for row in numba.prange(N * rows):
        n, p = row // rows, row % rows
        h = p * stride - padding[0]
        for q in range(columns):
            w = q * stride - padding[2]
            window, pixel = ((n * P + p) * Q + q) * C, ((n * H + h) * W + w) * C
            for c in range(0, C, block):
                at = min(c, C - block)
                from_windows(
                    number, values, switches, window + at, C, p, P, q, Q,
                    sums, pixel + at, h, H, w, W,
                )  # fmt: skip


class _Block:
    """LLVM instructions for the windows (p - a, q - b) and the pixels (h + i, w + j) of a block."""

    def __init__(self, v: Vectors, window: tuple[int, int, int]) -> None:
        self.v, self.builder = v, v.builder
        self.R, self.S, self.stride = window
        self.sums: dict[tuple[int, int], State] = {}

    def write(self) -> None:
        """The block's sums: windows in their order, so that the same terms give the same bits."""
        for a in reversed(range(-(-self.R // self.stride))):
            for b in reversed(range(-(-self.S // self.stride))):
                self.arrive(a, b)
        for (i, j), values in self.sums.items():
            there, offset = self.place(i, j)
            with self.builder.if_then(there, likely=True):
                self.v.store(values, 9, offset, self.v.floats)

    def arrive(self, a: int, b: int) -> None:
        """Add what window (p - a, q - b) leaves in those pixels that it holds."""
        builder, v = self.builder, self.v
        _, _, _, at, C, p, P, q, Q, *_ = v.args
        there = self.within(builder.sub(p, _I64(a)), P, builder.sub(q, _I64(b)), Q)
        back = builder.mul(C, builder.add(builder.mul(Q, _I64(a)), _I64(b)))
        offset = builder.select(there, builder.sub(at, back), _I64(0))
        values = v.load(1, offset, v.floats)
        nowhere = v.splat(builder.select(there, _I32(0), _I32(-1)))
        switches = [builder.or_(s, nowhere) for s in v.load(2, offset, v.integers)]
        for i in range(min(self.stride, self.R - a * self.stride)):
            for j in range(min(self.stride, self.S - b * self.stride)):
                here = v.splat(self.number(i, j))
                met = [builder.icmp_signed("==", s, here) for s in switches]
                terms = v.where(met, values, v.zeros())
                before = self.sums.get((i, j))
                self.sums[i, j] = (
                    [builder.fadd(x, y) for x, y in zip(before, terms, strict=True)]
                    if before
                    else terms
                )

    def number(self, i: int, j: int) -> ir.Value:
        """The index of pixel (h + i, w + j) in its plane."""
        *_, h, _, w, W = self.v.args
        row = self.builder.mul(self.builder.add(h, _I64(i)), W)
        index = self.builder.add(row, self.builder.add(w, _I64(j)))
        return self.builder.trunc(index, _I32)

    def place(self, i: int, j: int) -> tuple[ir.Value, ir.Value]:
        """Whether that pixel is on the plane, and where it lies in memory."""
        builder = self.builder
        *_, to, h, H, w, W = self.v.args
        there = self.within(builder.add(h, _I64(i)), H, builder.add(w, _I64(j)), W)
        on = builder.mul(self.v.args[4], builder.add(builder.mul(W, _I64(i)), _I64(j)))
        return there, builder.add(to, on)

    def within(self, row: ir.Value, rows: ir.Value, column: ir.Value, columns: ir.Value) -> ir.Value:  # fmt: skip  # noqa: E501
        """0 <= row < rows and 0 <= column < columns: without signs, what is below 0 is large."""
        fits = self.builder.icmp_unsigned("<", row, rows)
        return self.builder.and_(fits, self.builder.icmp_unsigned("<", column, columns))


@intrinsic
def from_windows(typingctx, number, y, switches, at, C, p, P, q, Q, x, to, h, H, w, W):  # type: ignore[no-untyped-def]  # fmt: skip
    """Write a block of pixels, of WINDOWS[number]: (h, w) is the first of them, at x[to].

    Its windows are (p, q), at y[at] and switches[at], and those before it that reach so far.
    """
    i64 = types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        v = Vectors(context, builder, signature, args, data=1)
        after = builder.append_basic_block("block.after")
        chosen = builder.switch(args[0], after)
        for i, window in enumerate(WINDOWS):
            case = builder.append_basic_block(f"block.{i}")
            chosen.add_case(_I64(i), case)
            builder.position_at_end(case)
            _Block(v, window).write()
            builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    sizes = i64, i64, i64, i64, i64, i64
    return types.void(i64, y, switches, *sizes, x, i64, *sizes[:4]), generate
