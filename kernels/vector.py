"""The processor's vectors inside Numba: what its own loops do not reach.

Numba compiles a plain loop to vectors of at most 256 bits and keeps few sums in registers. The
intrinsics here write LLVM's vector code themselves, for the vector length and the number of
registers of the processor that compiles (LLVM cuts what is too wide for another):

    outer       the inner loop of every matrix product: MR rows by NV vectors of sums in registers
    move        a vector from here to there, as it is or with its bias and rectified

and in `combine.py` a small constant matrix times vectors, for the transforms of Winograd's
algorithm.

They work on flat arrays of float32 or float64 and offsets in elements. A sum is a chain of fused
multiply-adds in the order of its index, whatever the vector length: the same bits everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic

LINE = 16
"""Channels that lie side by side in packed operands: a cache line of float32."""


@dataclass(frozen=True)
class Machine:
    """Bytes of a vector register, and how many there are."""

    width: int
    registers: int


def _this_machine() -> Machine:
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Machine(64, 32)
    if features.get("avx2"):
        return Machine(32, 16)
    return Machine(16, 32 if features.get("neon") else 16)


MACHINE = _this_machine()
MANY = MACHINE.registers >= 32
# 24 of 32 or 12 of 16 registers hold sums; the others the vectors and a factor on their way.
TALL = 12 if MANY else 6  # rows of a tile where rows are cheap to address: TALL x 2 vectors
EVEN = 8 if MANY else 4  # rows of a tile that divide LINE: EVEN x 3 vectors


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

    def broadcast(self, value: ir.Value) -> ir.Value:
        one = self.builder.insert_element(
            ir.Constant(self.vector, ir.Undefined), value, ir.IntType(32)(0)
        )
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, ir.Constant(self.vector, ir.Undefined), mask)

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

    def zeros(self, count: int) -> list[ir.Value]:
        return [self.constant(0.0)] * count


def pointer(emit: Emitter, context: Any, sig: Any, args: Any, i: int) -> ir.Value:
    """To the element of array `args[i]` that the argument after it says."""
    array = context.make_array(sig.args[i])(context, emit.builder, args[i])
    return emit.at(array.data, args[i + 1])


def _outer(rows: int, vectors: int, row_step: int, term_step: int) -> Any:
    """The intrinsic of `outer_tall` and `outer_even`: what differs are four numbers.

    Row m of a's term k lies `m row_step + k term_step` behind the term's block.
    """

    @intrinsic
    def product(typingctx, a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add):  # type: ignore[no-untyped-def]  # fmt: skip
        i64 = types.int64
        signature = types.void(a, i64, i64, b, i64, c, i64, i64, i64, i64, types.boolean)

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            emit = Emitter(builder, sig.args[0].dtype)
            a, b, c = (pointer(emit, context, sig, args, i) for i in (0, 3, 5))
            panel = vectors * emit.lanes

            def terms(sums, a, b, count):  # type: ignore[no-untyped-def]
                for k in range(count):
                    ahead = [
                        emit.load(emit.at(b, k * panel + v * emit.lanes)) for v in range(vectors)
                    ]
                    for m in range(rows):
                        one = builder.load(emit.at(a, m * row_step + k * term_step))
                        factor = emit.broadcast(one)
                        for v in range(vectors):
                            here = m * vectors + v
                            sums[here] = emit.fma(factor, ahead[v], sums[here])
                return sums

            def loop(sums, a, b, times, a_step, count):  # type: ignore[no-untyped-def]
                """`count` terms at a time, the sums in registers from one time to the next."""
                before, head = builder.block, builder.append_basic_block("outer.head")
                body, after = (builder.append_basic_block(f"outer.{s}") for s in ("body", "after"))
                builder.branch(head)
                builder.position_at_end(head)
                zero = ir.IntType(64)(0)
                carried = []
                for start in (zero, a, b, *sums):
                    phi = builder.phi(start.type)
                    phi.add_incoming(start, before)
                    carried.append(phi)
                i, here_a, here_b, *here = carried
                builder.cbranch(builder.icmp_signed("<", i, times), body, after)
                builder.position_at_end(body)
                new = terms(list(here), here_a, here_b, count)
                moved = builder.add(i, ir.IntType(64)(1)), emit.at(here_a, a_step)
                for phi, value in zip(
                    carried, (*moved, emit.at(here_b, count * panel), *new), strict=True
                ):
                    phi.add_incoming(value, body)
                builder.branch(head)
                builder.position_at_end(after)
                return here, here_a, here_b

            a_step, (c_row, steps, tail, add) = args[2], args[7:]
            sums, a, b = loop(emit.zeros(rows * vectors), a, b, steps, a_step, LINE)
            sums, _, _ = loop(sums, a, b, tail, term_step, 1)
            places = [
                emit.at(c, builder.mul(c_row, ir.IntType(64)(m)), v * emit.lanes)
                for m in range(rows)
                for v in range(vectors)
            ]
            with builder.if_else(add) as (then, otherwise):
                with then:
                    for place, value in zip(places, sums, strict=True):
                        emit.store(builder.fadd(emit.load(place), value), place)
                with otherwise:
                    for place, value in zip(places, sums, strict=True):
                        emit.store(value, place)
            return context.get_dummy_value()

        return signature, generate

    return product


outer_tall = _outer(TALL, 2, LINE, 1)
"""c (TALL,2L) = or += a (TALL,K) b (K,2L), K = 16 steps + tail, L elements a vector.

outer_tall(a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add)

a's terms lie in lines of 16, a row's line after the line of the row above, and `a_step` elements
from one line of a row to its next. b's terms are panels of 2L, packed. `c_row` elements from one
row of c to the next.
"""
outer_even = _outer(EVEN, 3, 1, LINE)
"""c (EVEN,3L) = or += a^T (EVEN,K) b (K,3L), where row k of a^T's lines holds all rows' term k.

The arguments of `outer_tall`; `a_step` is 16 lines where terms follow each other.
"""


def _move(typingctx, source, source_at, to, to_at):  # type: ignore[no-untyped-def]
    """Copy one vector."""

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        value = emit.load(pointer(emit, context, sig, args, 0))
        emit.store(value, pointer(emit, context, sig, args, 2))
        return context.get_dummy_value()

    return types.void(source, types.int64, to, types.int64), generate


def _move_rectified(typingctx, source, source_at, bias, bias_at, rectify, to, to_at):  # type: ignore[no-untyped-def]  # fmt: skip
    """Copy one vector plus one of bias; with `rectify` what is not above 0 as 0, NaN as it is."""
    i64 = types.int64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        terms = (emit.load(pointer(emit, context, sig, args, i)) for i in (0, 2))
        value, zero = builder.fadd(*terms), emit.constant(0.0)
        below = builder.fcmp_ordered("<=", value, zero)
        positive = builder.select(below, zero, value)
        chosen = builder.select(args[4], positive, value)
        emit.store(chosen, pointer(emit, context, sig, args, 5))
        return context.get_dummy_value()

    return types.void(source, i64, bias, i64, types.boolean, to, i64), generate


move: Any = intrinsic(_move)
move_rectified: Any = intrinsic(_move_rectified)
