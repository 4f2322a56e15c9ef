"""Reductions over the taps of a pooling window, for several vectors of channels at once.

A window is a list of taps; a tap is an offset into flat memory and an index in the plane. The
channels of a pixel are contiguous, so a vector of them runs through the whole list with its partial
result in registers, and is stored once:

    greatest         the maximum and its index (switch): max-pooling
    scatter_added    the sum of those values whose switch is this pixel: unpooling in gather form
    gathered         the value at the tap that the switch names: the transpose of unpooling

`pairs.py` and `blocks.py` are unrolled for the windows of WINDOWS, several of them at once.

Plain Numba loops cannot do this: LLVM vectorises the innermost loop alone, which would be the one
over taps, or else the result is stored and loaded again at every tap. One call takes
`channels(dtype)` channels; a last partial block overlaps the one before. Fewer channels than that
are left to other kernels. Only comparisons and selects; `scatter_added` adds in list order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import extending

from kernels.contract.machine import CACHE_LINE, MACHINE
from kernels.cpu import vector

VECTORS = 4
"""Vectors per call: with their indices and the values compared with them they fill 16 registers."""
WINDOWS = (3, 3, 2), (2, 2, 2), (3, 3, 1), (2, 2, 1)
"""(R, S, stride) of the windows that networks use: ZFNet and most others, VGG, Inception."""
intrinsic: Any = extending.intrinsic  # its stub has the typing context among the arguments
_I64, _I32 = ir.IntType(64), ir.IntType(32)
State = list[ir.Value]


def channels(dtype: np.dtype) -> int:
    """Channels that one call takes."""
    return VECTORS * vector.lanes(dtype)


def work(C: int) -> int:
    """The cost of C channels, in channels of a block of float32; fewer go one at a time."""
    block = channels(np.dtype(np.float32))
    return -(-C // block) * block if block <= C else 20 * C


class Vectors:
    """Arrays and loops over taps: `count` vectors of an `Emitter`, of floats and as many 32-bit
    integers."""

    def __init__(
        self,
        context: Any,
        builder: ir.IRBuilder,
        signature: Any,
        args: Any,
        data: int = 0,
        count: int = VECTORS,
    ) -> None:
        """`data`: which argument is an array of those floats."""
        self.count = count
        self.context, self.builder, self.signature, self.args = context, builder, signature, args
        self.emit = vector.Emitter(builder, signature.args[data].dtype)
        self.lanes, self.floats = self.emit.lanes, self.emit.vector
        self.integers = ir.VectorType(_I32, self.lanes)

    def at(self, array: int, offset: ir.Value) -> ir.Value:
        """Pointer to an element of the array that is argument number `array`."""
        make = self.context.make_array(self.signature.args[array])
        return self.emit.at(make(self.context, self.builder, self.args[array]).data, offset)

    def element(self, array: int, index: ir.Value) -> ir.Value:
        return self.builder.load(self.at(array, index))

    def load(self, array: int, offset: ir.Value, kind: ir.Type) -> State:
        return [self.builder.load(p, align=4) for p in self._places(array, offset, kind)]

    def store(self, values: State, array: int, offset: ir.Value, kind: ir.Type) -> None:
        for value, pointer in zip(values, self._places(array, offset, kind), strict=True):
            self.builder.store(value, pointer, align=4)

    def _places(self, array: int, offset: ir.Value, kind: ir.Type) -> State:
        first = self.builder.bitcast(self.at(array, offset), kind.as_pointer())
        return [self.emit.at(first, v) for v in range(self.count)]

    def prefetch(self, array: int, offset: ir.Value) -> None:
        """Prefetch the cache lines of a block; the address may be past the end of the array."""
        first = self.at(array, offset)
        for line in range(0, self.count * MACHINE.width, CACHE_LINE):
            self.emit.fetch(self.emit.at(first, line // self.emit.bytes), cache=vector.NEAREST)

    def splat(self, value: ir.Value) -> ir.Value:
        """A 32-bit integer in every lane."""
        return self.emit.broadcast(value)

    def where(self, mask: State, new: State, old: State) -> State:
        """Select: `new` where the mask is true, else `old`."""
        chosen = zip(mask, new, old, strict=True)
        return [self.builder.select(m, a, b) for m, a, b in chosen]

    def zeros(self) -> State:
        return self.emit.zeros(self.count)

    def over(self, size: ir.Value, state: State, step: Callable[[ir.Value, State], State]) -> State:
        """A loop over blocks of `size` elements: state = step(i, state), i the offset of the block.

        `size` is at least one block; the last block overlaps the one before.
        """
        builder, block = self.builder, self.count * self.lanes
        last = builder.sub(size, _I64(block))

        def at(k: ir.Value, state: State) -> State:
            i = builder.mul(k, _I64(block))
            return step(builder.select(builder.icmp_signed("<", i, last), i, last), state)

        count = builder.udiv(builder.add(size, _I64(block - 1)), _I64(block))
        return self.fold(0, count, state, at)

    def fold(
        self, first: int, count: ir.Value, state: State, step: Callable[[ir.Value, State], State]
    ) -> State:
        """A loop: state = step(k, state) for k from `first` to `count` - 1."""
        builder, before = self.builder, self.builder.block
        head, body, after = (builder.append_basic_block(f"taps.{s}") for s in ("", "tap", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        k, *here = (builder.phi(value.type) for value in (_I64(0), *state))
        for phi, value in zip((k, *here), (_I64(first), *state), strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", k, count), body, after)
        builder.position_at_end(body)
        new = builder.add(k, _I64(1)), *step(k, list(here))
        for phi, value in zip((k, *here), new, strict=True):
            phi.add_incoming(value, body)
        builder.branch(head)
        builder.position_at_end(after)
        return list(here)


@intrinsic
def greatest(typingctx, x, offsets, places, count, c, y, switches, to, distance):  # type: ignore[no-untyped-def]  # fmt: skip
    """y[to..] = the maximum of x[offsets[k] + c..], switches[to..] = its places[k], k < count.

    Of equal values the first wins; NaN is larger than all. There is at least one tap. Elements
    `distance` further are prefetched meanwhile: the taps of a window are short runs of several
    rows, which the hardware prefetcher does not follow.
    """
    i64 = types.int64

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        v = Vectors(context, builder, signature, args)

        def tap(k: ir.Value) -> tuple[State, ir.Value]:
            at = builder.add(v.element(1, k), args[4])
            v.prefetch(0, builder.add(at, args[8]))
            return v.load(0, at, v.floats), v.splat(v.element(2, k))

        def step(k: ir.Value, state: State) -> State:
            best, switch = state[:VECTORS], state[VECTORS:]
            values, place = tap(k)
            # Less or unordered: true for a NaN value too; a NaN best stays.
            less = [builder.fcmp_unordered("<", b, x) for b, x in zip(best, values, strict=True)]
            number = [builder.fcmp_ordered("ord", b, b) for b in best]
            better = [builder.and_(a, b) for a, b in zip(less, number, strict=True)]
            return v.where(better, values, best) + v.where(better, [place] * VECTORS, switch)

        values, place = tap(_I64(0))
        state = v.fold(1, args[3], [*values, *[place] * VECTORS], step)
        v.store(state[:VECTORS], 5, args[7], v.floats)
        v.store(state[VECTORS:], 6, args[7], v.integers)
        return context.get_dummy_value()

    return types.void(x, offsets, places, i64, i64, y, switches, i64, i64), generate


@intrinsic
def scatter_added(typingctx, y, switches, offsets, count, c, place, x, to):  # type: ignore[no-untyped-def]  # fmt: skip
    """x[to..] = the sum of those y[offsets[k] + c..] whose switch there is `place`, k < count."""
    i64 = types.int64

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        v = Vectors(context, builder, signature, args)
        here, zero = v.splat(args[5]), v.zeros()[0]

        def step(k: ir.Value, state: State) -> State:
            at = builder.add(v.element(2, k), args[4])
            pairs = zip(v.load(0, at, v.floats), v.load(1, at, v.integers), strict=True)
            terms = [builder.select(builder.icmp_signed("==", s, here), y, zero) for y, s in pairs]
            return [builder.fadd(total, term) for total, term in zip(state, terms, strict=True)]

        v.store(v.fold(0, args[3], v.zeros(), step), 6, args[7], v.floats)
        return context.get_dummy_value()

    return types.void(y, switches, offsets, i64, i64, types.int32, x, i64), generate


@intrinsic
def gathered(typingctx, x, offsets, places, count, c, switches, y, to):  # type: ignore[no-untyped-def]  # fmt: skip
    """y[to..] = x[offsets[k] + c..] where switches[to..] is places[k]; 0 where it is none."""
    i64 = types.int64

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        v = Vectors(context, builder, signature, args)
        switch = v.load(5, args[7], v.integers)

        def step(k: ir.Value, state: State) -> State:
            values = v.load(0, builder.add(v.element(1, k), args[4]), v.floats)
            place = v.splat(v.element(2, k))
            named = [builder.icmp_signed("==", s, place) for s in switch]
            return v.where(named, values, state)

        v.store(v.fold(0, args[3], v.zeros(), step), 6, args[7], v.floats)
        return context.get_dummy_value()

    return types.void(x, offsets, places, i64, i64, switches, y, i64), generate
