"""Outer products during which what comes next is fetched from memory.

A large matrix that is multiplied with few rows is read at the rate of memory, and its products take
about as long. They hide each other only if the memory works while the processor multiplies: a
fetch for each cache line, line after line between the products, not all of them when the products
are done. Else as in `outer.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.machine import CACHE_LINE
from kernels.cpu.micro_kernel import (
    EVEN,
    TALL,
    UNROLL,
    begun,
    choose,
    loop,
    places_of,
    term,
    write,
)
from kernels.cpu.vector import LINE, Emitter, pointer


def _rows(rows: int, vectors: int) -> Any:
    """The intrinsics of `tall_fetching` and `high_fetching`."""

    @intrinsic
    def product(typingctx, a, b, b_at, c, c_at, steps, add, soon, soon_at, soon_row):  # type: ignore[no-untyped-def]  # fmt: skip
        i64 = types.int64
        signature = types.void(a, b, i64, c, i64, i64, types.boolean, soon, i64, i64)

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            emit, number = Emitter(builder, sig.args[0].dtype), ir.IntType(64)
            a = context.make_array(sig.args[0])(context, builder, args[0]).data
            b, c, soon = (pointer(emit, context, sig, args, i) for i in (1, 3, 7))
            steps, add, soon_row = args[5], args[6], args[9]
            offsets = [m * LINE for m in range(rows)]
            panel = vectors * emit.lanes

            def some(carried, a, b):  # type: ignore[no-untyped-def]
                *sums, there = carried
                for k in range(UNROLL):
                    for _ in range(rows * k // LINE, rows * (k + 1) // LINE):
                        emit.fetch(there)
                        there = emit.at(there, soon_row)
                    term(emit, sums, emit.at(a, k), offsets, emit.at(b, k * panel))
                return [*sums, there], emit.at(a, UNROLL), emit.at(b, UNROLL * panel)

            def line(carried, a, b):  # type: ignore[no-untyped-def]
                groups = number(LINE // UNROLL)
                (*sums, _), _, b = loop(emit, carried, a, b, groups, some)
                return [*sums, emit.at(carried[-1], LINE)], emit.at(a, rows * LINE), b

            places = places_of(emit, c, number(panel), rows, vectors)
            carried, _, _ = loop(emit, [*begun(emit, places, add), soon], a, b, steps, line)
            write(emit, carried[:-1], places)
            return context.get_dummy_value()

        return signature, generate

    return product


tall_fetching = _rows(TALL, 2)
"""c (TALL,2L) = or += a (TALL,K) b (K,2L), packed, K = 16 steps, L elements a vector.

tall_fetching(a, b, b_at, c, c_at, steps, add, soon, soon_at, soon_row)

a's terms lie in lines of 16, a row's line after the line of the row above. With each line of a one
is fetched from each of TALL rows, `soon_row` elements apart: those that come next.
"""
high_fetching = _rows(2 * TALL, 1)
"""The same with c (2 TALL,L) and panels of L, for few columns."""


def _steps(typingctx, rows, a, a_at, a_step, b, c, c_at, terms, add, soon, soon_at, soon_step):  # type: ignore[no-untyped-def]  # fmt: skip
    """`steps_fetching`."""
    i64, vectors = types.int64, 3
    signature = types.void(i64, a, i64, i64, b, c, i64, i64, types.boolean, soon, i64, i64)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, number = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
        b = context.make_array(sig.args[4])(context, builder, args[4]).data
        a, c, soon = (pointer(emit, context, sig, args, i) for i in (1, 5, 9))
        (a_step, (terms, add), soon_step) = args[3], args[7:9], args[11]
        panel = vectors * emit.lanes
        groups, rest = (f(terms, number(UNROLL)) for f in (builder.sdiv, builder.srem))

        def some(count: int, rows: Sequence[int]) -> Any:
            def body(carried, a, b):  # type: ignore[no-untyped-def]
                *sums, there = carried
                for _ in range(count):
                    for byte in range(0, vectors * emit.lanes * emit.bytes, CACHE_LINE):
                        emit.fetch(emit.at(there, byte // emit.bytes))
                    term(emit, sums, a, rows, b)
                    a, b, there = emit.at(a, a_step), emit.at(b, panel), emit.at(there, soon_step)
                return [*sums, there], a, b

            return body

        def product(rows: int) -> None:
            places = places_of(emit, c, number(panel), rows, vectors)
            carried = [*begun(emit, places, add), soon]
            carried, here_a, here_b = loop(emit, carried, a, b, groups, some(UNROLL, range(rows)))
            carried, _, _ = loop(emit, carried, here_a, here_b, rest, some(1, range(rows)))
            write(emit, carried[:-1], places)

        choose(builder, args[0], range(EVEN // 2, EVEN + 1), product)
        return context.get_dummy_value()

    return signature, generate


steps_fetching: Any = intrinsic(_steps)
"""c (rows,3L) = or += a^T (rows,K) b (K,3L), b and c packed; K = terms.

steps_fetching(rows, a, a_at, a_step, b, c, c_at, terms, add, soon, soon_at, soon_step)

EVEN / 2 to EVEN rows; for another number nothing is done. A term's rows lie side by side in a,
`a_step` elements from one term to the next. With each term three vectors are fetched from `soon`,
`soon_step` elements further each time.
"""
