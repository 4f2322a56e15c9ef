"""Outer-product micro-kernels with software prefetch of the next operand rows.

A large matrix that is multiplied with few rows is read at the bandwidth of memory, and its products
take about as long. The two overlap only if loads are in flight while the processor multiplies: one
prefetch for each cache line, spread between the products, not all of them after the products. The
rest is as in `micro_kernel.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.machine import CACHE_LINE
from kernels.cpu.micro_kernel import (
    MR,
    MR_T,
    UNROLL,
    begun,
    choose,
    loop,
    places_of,
    term,
    write,
)
from kernels.cpu.vector import KR, Emitter, pointer


def _rows(rows: int, vectors: int) -> Any:
    """The intrinsics of `outer_packed_prefetch` and `outer_packed_prefetch_2`."""

    @intrinsic
    def product(typingctx, a, b, b_at, c, c_at, steps, add, upcoming, next_at, next_row):  # type: ignore[no-untyped-def]  # fmt: skip
        i64 = types.int64
        signature = types.void(a, b, i64, c, i64, i64, types.boolean, upcoming, i64, i64)

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            emit, number = Emitter(builder, sig.args[0].dtype), ir.IntType(64)
            a = context.make_array(sig.args[0])(context, builder, args[0]).data
            b, c, upcoming = (pointer(emit, context, sig, args, i) for i in (1, 3, 7))
            steps, add, next_row = args[5], args[6], args[9]
            offsets = [m * KR for m in range(rows)]
            panel = vectors * emit.lanes

            def some(carried, a, b):  # type: ignore[no-untyped-def]
                *sums, there = carried
                for k in range(UNROLL):
                    for _ in range(rows * k // KR, rows * (k + 1) // KR):
                        emit.fetch(there)
                        there = emit.at(there, next_row)
                    term(emit, sums, emit.at(a, k), offsets, emit.at(b, k * panel))
                return [*sums, there], emit.at(a, UNROLL), emit.at(b, UNROLL * panel)

            def line(carried, a, b):  # type: ignore[no-untyped-def]
                groups = number(KR // UNROLL)
                (*sums, _), _, b = loop(emit, carried, a, b, groups, some)
                return [*sums, emit.at(carried[-1], KR)], emit.at(a, rows * KR), b

            places = places_of(emit, c, number(panel), rows, vectors)
            carried, _, _ = loop(emit, [*begun(emit, places, add), upcoming], a, b, steps, line)
            write(emit, carried[:-1], places)
            return context.get_dummy_value()

        return signature, generate

    return product


outer_packed_prefetch = _rows(MR, 2)
"""c (MR,2L) = or += a (MR,K) b (K,2L), packed, K = 16 steps, L elements per vector.

outer_packed_prefetch(a, b, b_at, c, c_at, steps, add, upcoming, next_at, next_row)

A is packed: 16 terms of a row are contiguous, followed by those of the next row. With each block of
16 terms one cache line is prefetched from each of the MR rows that come next, `next_row` elements
apart.
"""
outer_packed_prefetch_2 = _rows(2 * MR, 1)
"""The same with c (2 MR,L) and panels of L, for few columns."""


def _steps(typingctx, rows, a, a_at, a_step, b, c, c_at, terms, add, upcoming, next_at, next_step):  # type: ignore[no-untyped-def]  # fmt: skip
    """`outer_strided_prefetch`."""
    i64, vectors = types.int64, 3
    signature = types.void(i64, a, i64, i64, b, c, i64, i64, types.boolean, upcoming, i64, i64)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, number = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
        b = context.make_array(sig.args[4])(context, builder, args[4]).data
        a, c, upcoming = (pointer(emit, context, sig, args, i) for i in (1, 5, 9))
        (a_step, (terms, add), next_step) = args[3], args[7:9], args[11]
        panel = vectors * emit.lanes
        groups, rest = (f(terms, number(UNROLL)) for f in (builder.sdiv, builder.srem))

        def some(count: int, rows: Sequence[int]) -> Any:
            def body(carried, a, b):  # type: ignore[no-untyped-def]
                *sums, there = carried
                for _ in range(count):
                    for byte in range(0, vectors * emit.lanes * emit.bytes, CACHE_LINE):
                        emit.fetch(emit.at(there, byte // emit.bytes))
                    term(emit, sums, a, rows, b)
                    a, b, there = emit.at(a, a_step), emit.at(b, panel), emit.at(there, next_step)
                return [*sums, there], a, b

            return body

        def product(rows: int) -> None:
            places = places_of(emit, c, number(panel), rows, vectors)
            carried = [*begun(emit, places, add), upcoming]
            carried, here_a, here_b = loop(emit, carried, a, b, groups, some(UNROLL, range(rows)))
            carried, _, _ = loop(emit, carried, here_a, here_b, rest, some(1, range(rows)))
            write(emit, carried[:-1], places)

        choose(builder, args[0], range(MR_T // 2, MR_T + 1), product)
        return context.get_dummy_value()

    return signature, generate


outer_strided_prefetch: Any = intrinsic(_steps)
"""c (rows,3L) = or += a^T (rows,K) b (K,3L), b and c packed; K = terms.

outer_strided_prefetch(rows, a, a_at, a_step, b, c, c_at, terms, add, upcoming, next_at, next_step)

MR_T / 2 to MR_T rows; any other number does nothing. The rows of a term are contiguous in a,
`a_step` is the stride of terms. With each term three vectors are prefetched from `upcoming`, which
advances by `next_step` elements.
"""
