"""Vector intrinsics for Numba: loads, stores, prefetch and fused multiply-adds as LLVM code.

Numba vectorises a plain loop to at most 256 bits and keeps few sums in registers. The intrinsics
here emit LLVM vector code for the vector length and the register count of the target processor
(`contract/machine.py`):

    move               copies one vector, or adds bias and applies the ReLU on the way
    add                adds one vector to memory
    transpose_square   transposes a square of L x L elements in registers
    fetch, touch       software prefetch, and a load that cannot be dropped
    `micro_kernel.py`  the inner loop of every matrix product
    `combine.py`       a small constant matrix times vectors, for Winograd's transforms

Operands are flat arrays of float32 or float64, offsets are in elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.machine import CACHE_LINE, MACHINE

NEAREST, SECOND = 3, 2
"""Caches that a prefetch asks for, as LLVM numbers them."""
KR = 16
"""Contiguous channels, or terms, of a packed operand: a cache line of float32."""


def lanes(dtype: np.dtype) -> int:
    """Elements of a vector register."""
    return MACHINE.width // np.dtype(dtype).itemsize


class Emitter:
    """LLVM instructions on vectors of one element type."""

    def __init__(self, builder: ir.IRBuilder, element: types.Float) -> None:
        self.builder = builder
        self.bytes = element.bitwidth // 8
        self.lanes = MACHINE.width // self.bytes
        self.scalar = ir.FloatType() if self.bytes == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def at(self, base: ir.Value, *offsets: ir.Value | int) -> ir.Value:
        for offset in offsets:
            index = offset if isinstance(offset, ir.Value) else ir.IntType(64)(offset)
            base = self.builder.gep(base, [index])
        return base

    def load(self, pointer: ir.Value) -> ir.Value:
        wide = self.builder.bitcast(pointer, self.vector.as_pointer())
        return self.builder.load(wide, align=self.bytes)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        wide = self.builder.bitcast(pointer, self.vector.as_pointer())
        self.builder.store(value, wide, align=self.bytes)

    def store_some(self, value: ir.Value, pointer: ir.Value, count: ir.Value) -> None:
        """Store the first `count` elements of the vector, at most all."""
        most = ir.IntType(64)(self.lanes)
        some = self.builder.select(self.builder.icmp_signed("<", count, most), count, most)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), list(range(self.lanes)))
        limit = self.broadcast(self.builder.trunc(some, ir.IntType(32)))
        mask = self.builder.icmp_signed("<", lanes, limit)
        bits = ir.VectorType(ir.IntType(1), self.lanes)
        name = f"llvm.masked.store.v{self.lanes}f{8 * self.bytes}.p0"
        module, place = self.builder.module, self.vector.as_pointer()
        function = module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(ir.VoidType(), [self.vector, place, ir.IntType(32), bits])
            function = ir.Function(module, kind, name)
        wide = self.builder.bitcast(pointer, place)
        self.builder.call(function, [value, wide, ir.IntType(32)(self.bytes), mask])

    def store_and_fetch(self, value: ir.Value, pointer: ir.Value) -> None:
        """Store, and prefetch the next cache line for writing."""
        self.store(value, pointer)
        self.fetch(self.at(pointer, CACHE_LINE // self.bytes), to_write=True)

    def stream(self, value: ir.Value, pointer: ir.Value) -> None:
        """Non-temporal store to an address aligned to vectors (`non_temporal.py`)."""
        wide = self.builder.bitcast(pointer, self.vector.as_pointer())
        store = self.builder.store(value, wide, align=MACHINE.width)
        hint = self.builder.module.add_metadata([ir.IntType(32)(1)])
        store.set_metadata("nontemporal", hint)

    def fetch(self, pointer: ir.Value, to_write: bool = False, cache: int = SECOND) -> None:
        """Prefetch a cache line into that cache; the address may be past the end of the array."""
        byte, i32, name = ir.IntType(8).as_pointer(), ir.IntType(32), "llvm.prefetch.p0i8"
        module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(ir.VoidType(), [byte, *[i32] * 3]), name)
        there = self.builder.bitcast(pointer, byte)
        self.builder.call(function, [there, i32(int(to_write)), i32(cache), i32(1)])  # data

    def broadcast(self, value: ir.Value) -> ir.Value:
        """The value, a float or an integer, in every lane."""
        none = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        one = self.builder.insert_element(none, value, ir.IntType(32)(0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, none, mask)

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        """Shuffle: lanes of a, then of b."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), lanes)
        return self.builder.shuffle_vector(a, b, mask)

    def constant(self, value: float) -> ir.Value:
        return ir.Constant(self.vector, [self.scalar(value)] * self.lanes)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        name = f"llvm.fma.v{self.lanes}f{8 * self.bytes}"
        module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(self.vector, [self.vector] * 3)
            function = ir.Function(module, kind, name)
        return self.builder.call(function, [a, b, c])

    def rectified(self, value: ir.Value) -> ir.Value:
        """max(value, 0), where NaN stays NaN."""
        below = self.builder.fcmp_ordered("<=", value, self.constant(0.0))
        return self.builder.select(below, self.constant(0.0), value)

    def zeros(self, count: int) -> list[ir.Value]:
        return [self.constant(0.0)] * count


def pointer(emit: Emitter, context: Any, sig: Any, args: Any, i: int) -> ir.Value:
    """Pointer to the element of array `args[i]` at the offset `args[i + 1]`."""
    array = context.make_array(sig.args[i])(context, emit.builder, args[i])
    return emit.at(array.data, args[i + 1])


def choose(
    builder: ir.IRBuilder, number: ir.Value, numbers: Iterable[int], emit_one: Callable[[int], None]
) -> None:
    """A switch with code from `emit_one` for each of `numbers`; `number` selects one, or none."""
    after = builder.append_basic_block("chosen.after")
    chosen = builder.switch(number, after)
    for n in numbers:
        case = builder.append_basic_block(f"chosen.{n}")
        chosen.add_case(ir.IntType(64)(n), case)
        builder.position_at_end(case)
        emit_one(n)
        builder.branch(after)
    builder.position_at_end(after)


def _lanes_of(typingctx, array):  # type: ignore[no-untyped-def]
    """Elements of a vector of the dtype of the array, as a compile-time constant: `itemsize` would
    be loaded and divided by each time a function is entered."""
    count = MACHINE.width // (array.dtype.bitwidth // 8)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return context.get_constant(types.int64, count)

    return types.int64(array), generate


def _move(typingctx, source, source_at, to, to_at):  # type: ignore[no-untyped-def]
    """Copy one vector."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        value = emit.load(pointer(emit, context, sig, args, 0))
        emit.store(value, pointer(emit, context, sig, args, 2))
        return context.get_dummy_value()

    return types.void(source, types.int64, to, types.int64), generate


def _move_rectified(typingctx, source, source_at, bias, bias_at, rectify, to, to_at):  # type: ignore[no-untyped-def]  # fmt: skip
    """Copy one vector plus one of bias; with `rectify` max(y, 0), where NaN stays NaN."""
    i64 = types.int64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        terms = (emit.load(pointer(emit, context, sig, args, i)) for i in (0, 2))
        value = builder.fadd(*terms)
        chosen = builder.select(args[4], emit.rectified(value), value)
        emit.store(chosen, pointer(emit, context, sig, args, 5))
        return context.get_dummy_value()

    return types.void(source, i64, bias, i64, types.boolean, to, i64), generate


def _fetch(typingctx, source, source_at):  # type: ignore[no-untyped-def]
    """Prefetch one cache line; the address may be past the end of the array."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        emit.fetch(pointer(emit, context, sig, args, 0))
        return context.get_dummy_value()

    return types.void(source, types.int64), generate


def _touch(typingctx, source, source_at):  # type: ignore[no-untyped-def]
    """Load one element and discard it, so that its cache line is in the caches.

    Unlike a prefetch it is never dropped when many loads are in flight.
    """

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        bits = ir.IntType(8 * emit.bytes)
        value = builder.bitcast(builder.load(pointer(emit, context, sig, args, 0)), bits)
        used = ir.FunctionType(ir.VoidType(), [bits])  # by an empty instruction
        builder.asm(used, "", "r", [value], side_effect=True)
        return context.get_dummy_value()

    return types.void(source, types.int64), generate


def _transpose_square(typingctx, source, source_at, source_row, to, to_at, to_row):  # type: ignore[no-untyped-def]  # fmt: skip
    """Transpose L x L elements in registers, L elements per vector.

    log2(L) steps; each exchanges blocks of L/2, L/4, ..., 1 elements between pairs of rows.
    """
    i64 = types.int64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        first, begin = (pointer(emit, context, sig, args, i) for i in (0, 3))
        lines = range(emit.lanes)
        rows = [emit.load(emit.at(first, builder.mul(args[2], ir.IntType(64)(i)))) for i in lines]
        step = emit.lanes // 2
        while step:
            low = [emit.lanes + j - step if j & step else j for j in lines]
            high = [emit.lanes + j if j & step else j + step for j in lines]
            for i in lines:
                if not i & step:
                    pair = rows[i], rows[i + step]
                    rows[i], rows[i + step] = (emit.shuffle(*pair, m) for m in (low, high))
            step //= 2
        for i in lines:
            emit.store(rows[i], emit.at(begin, builder.mul(args[5], ir.IntType(64)(i))))
        return context.get_dummy_value()

    return types.void(source, i64, i64, to, i64, i64), generate


def _add(typingctx, source, source_at, to, to_at):  # type: ignore[no-untyped-def]
    """Add one vector to memory."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        there = pointer(emit, context, sig, args, 2)
        value = emit.load(pointer(emit, context, sig, args, 0))
        emit.store(builder.fadd(emit.load(there), value), there)
        return context.get_dummy_value()

    return types.void(source, types.int64, to, types.int64), generate


add: Any = intrinsic(_add)
fetch: Any = intrinsic(_fetch)
lanes_of: Any = intrinsic(_lanes_of)
move: Any = intrinsic(_move)
touch: Any = intrinsic(_touch)
transpose_square: Any = intrinsic(_transpose_square)
move_rectified: Any = intrinsic(_move_rectified)
