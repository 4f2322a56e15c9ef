"""Outer products: the inner loop of every matrix product, its sums in the vector registers.

MR rows by NV vectors of sums: of each term of the sum one number of every row and NV vectors are
read, for MR NV fused multiply-adds. A sum is a chain of these in the order of its index, whatever
the vector length: the same bits everywhere. The intrinsics differ in where their operands lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.machine import CACHE_LINE, MACHINE
from kernels.cpu.vector import LINE, Emitter, choose, pointer

MANY = MACHINE.registers >= 32
# 24 of 32 or 12 of 16 registers hold sums; the others the vectors and a factor on their way.
TALL = 12 if MANY else 6  # rows of a tile where rows are cheap to address: TALL x 2 vectors
SHORT = 3  # of the shortest such tile; TALL is a multiple
EVEN = 8 if MANY else 4  # rows of a tile that divide LINE: EVEN x 3 vectors
# Terms of a sum between two jumps. With 16 LLVM moves the loads of later terms forward until the
# sums no longer fit in the registers: half the speed with AVX-512, nothing gained with AVX2.
UNROLL = 4
FETCHED = 4
"""Cache lines of what comes after a panel that are fetched for every 16 of its terms."""

Sums = list[ir.Value]
Body = Callable[[Sums, ir.Value, ir.Value], tuple[Sums, ir.Value, ir.Value]]


def loop(emit: Emitter, sums: Sums, a: ir.Value, b: ir.Value, times: ir.Value, body: Body) -> Any:
    """`body` so many times; the sums stay in registers, a and b are moved on by it."""
    builder = emit.builder
    before, head = builder.block, builder.append_basic_block("outer.head")
    inside, after = (builder.append_basic_block(f"outer.{name}") for name in ("body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    carried = []
    for start in (ir.IntType(64)(0), a, b, *sums):
        phi = builder.phi(start.type)
        phi.add_incoming(start, before)
        carried.append(phi)
    i, here_a, here_b, *here = carried
    builder.cbranch(builder.icmp_signed("<", i, times), inside, after)
    builder.position_at_end(inside)
    new, next_a, next_b = body(list(here), here_a, here_b)
    moved = builder.add(i, ir.IntType(64)(1)), next_a, next_b
    for phi, value in zip(carried, (*moved, *new), strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return here, here_a, here_b


def term(emit: Emitter, sums: Sums, a: ir.Value, rows: Sequence[Any], b: ir.Value) -> None:
    """Add one term's product to the sums, rows by vectors; `rows`: each one's offset from a."""
    vectors = len(sums) // len(rows)
    ahead = [emit.load(emit.at(b, v * emit.lanes)) for v in range(vectors)]
    for m, offset in enumerate(rows):
        factor = emit.broadcast(emit.builder.load(emit.at(a, offset)))
        for v in range(vectors):
            here = m * vectors + v
            sums[here] = emit.fma(factor, ahead[v], sums[here])


def places_of(emit: Emitter, c: ir.Value, c_row: ir.Value, rows: int, vectors: int) -> Sums:
    """Where the sums belong, row by row."""
    return [
        emit.at(c, emit.builder.mul(c_row, ir.IntType(64)(m)), v * emit.lanes)
        for m in range(rows)
        for v in range(vectors)
    ]


def begun(emit: Emitter, places: Sums, go_on: ir.Value) -> Sums:
    """What the sums begin with: what stands there, to go on with it, or zeros."""
    builder = emit.builder
    with builder.if_else(go_on) as (then, otherwise):
        with then:
            found, before = [emit.load(place) for place in places], builder.block
        with otherwise:
            other = builder.block
    sums = [builder.phi(emit.vector) for _ in places]
    for phi, value, zero in zip(sums, found, emit.zeros(len(places)), strict=True):
        phi.add_incoming(value, before)
        phi.add_incoming(zero, other)
    return sums


def write(emit: Emitter, sums: Sums, places: Sums) -> None:
    for place, value in zip(places, sums, strict=True):
        emit.store(value, place)


def _outer(heights: Sequence[int], vectors: int, row_step: int, term_step: int) -> Any:
    """The intrinsics of `outer_tall`, `outer_rows` and `outer_even`: what differs are four numbers.

    Row m of a's term k lies `m row_step + k term_step` behind the term's block. Of more than one
    height f's first argument says which, none of them: nothing is done.
    """

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        first = len(args) - 12
        emit = Emitter(builder, sig.args[first].dtype)
        a, b, c = (pointer(emit, context, sig, args, first + i) for i in (0, 3, 5))
        a_step, (c_row, steps, tail, add, ahead) = args[first + 2], args[first + 7 :]
        cache_line, panel = CACHE_LINE // emit.bytes, vectors * emit.lanes

        def product(rows):  # type: ignore[no-untyped-def]
            offsets = [m * row_step for m in range(rows)]

            def some(count):  # type: ignore[no-untyped-def]
                def body(sums, a, b):  # type: ignore[no-untyped-def]
                    for k in range(count):
                        here = emit.at(a, k * term_step)
                        term(emit, sums, here, offsets, emit.at(b, k * panel))
                    return sums, emit.at(a, count * term_step), emit.at(b, count * panel)

                return body

            def line(sums, a, b):  # type: ignore[no-untyped-def]
                for i in range(FETCHED):
                    emit.fetch(emit.at(b, ahead, i * cache_line))
                for i in range(rows * row_step // LINE):
                    emit.fetch(emit.at(a, rows * row_step + i * cache_line))
                times = ir.IntType(64)(LINE // UNROLL)
                sums, _, b = loop(emit, sums, a, b, times, some(UNROLL))
                return sums, emit.at(a, a_step), b

            places = places_of(emit, c, c_row, rows, vectors)
            sums = begun(emit, places, add)
            sums, a_end, b_end = loop(emit, sums, a, b, steps, line)
            sums, _, _ = loop(emit, sums, a_end, b_end, tail, some(1))
            write(emit, sums, places)

        if first:
            choose(builder, args[0], heights, product)
        else:
            product(*heights)
        return context.get_dummy_value()

    i64 = types.int64

    @intrinsic
    def of_one(typingctx, a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add, ahead):  # type: ignore[no-untyped-def]  # fmt: skip
        return types.void(a, i64, i64, b, i64, c, i64, i64, i64, i64, types.boolean, i64), generate

    @intrinsic
    def of_some(typingctx, rows, a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add, ahead):  # type: ignore[no-untyped-def]  # fmt: skip
        return (
            types.void(i64, a, i64, i64, b, i64, c, i64, i64, i64, i64, types.boolean, i64),
            generate,
        )

    return of_some if len(heights) > 1 else of_one


outer_tall = _outer([TALL], 2, LINE, 1)
"""c (TALL,2L) = or += a (TALL,K) b (K,2L), K = 16 steps + tail, L elements a vector.

outer_tall(a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add, ahead)

a's terms lie in lines of 16, a row's line after the line of the row above, and `a_step` elements
from one line of a row to its next. b's terms are panels of 2L, packed. `c_row` elements from one
row of c to the next. With `add` the sums in c go on: the same bits as if all terms came at once.

The processor foresees the next line of a panel, not the next panel: while this one is multiplied
FETCHED cache lines `ahead` elements behind b's are fetched for each of a's lines, `next_panel` says
which, and the lines of the rows after a's.
"""
outer_rows = _outer(range(SHORT, TALL + 1, SHORT), 2, LINE, 1)
"""The same for any multiple of SHORT rows up to TALL, the first argument."""
outer_even = _outer([EVEN], 3, 1, LINE)
"""c (EVEN,3L) = or += a^T (EVEN,K) b (K,3L), where row k of a^T's lines holds all rows' term k.

The arguments of `outer_tall`; `a_step` is 16 lines where terms follow each other.
"""
outer_even_2 = _outer([EVEN], 2, 1, LINE)
"""The same with b (K,2L): for columns that panels of 3L would leave half empty."""


@numba.njit(cache=True, inline="always")
def next_panel(panel, each, turn):  # type: ignore[no-untyped-def]
    """What of the next panel, `panel` elements behind, is fetched in a panel's turn number `turn`.

    `each` elements of b belong to 16 terms; in as many turns as they fill FETCHED cache lines all
    have been fetched, and later turns fetch what is there.
    """
    first = turn * (FETCHED * LINE)
    return panel + first if first < each else 0


def _outer_runs(typingctx, a, a_at, a_row, starts, b, b_at, bias, bias_at, rectify, c, c_at, c_row, run):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """c (TALL,2L) = a (TALL,K) b (K,2L) + bias (2L,), a as it lies: K = runs x run terms.

    The terms of a run lie side by side, run i's `starts[i]` elements, of int64, behind the row's
    first; `a_row` and `c_row` elements from one row to the next. b's terms are panels of 2L,
    packed. With `rectify` what is not above 0 becomes 0, NaN stays.
    """
    i64 = types.int64
    signature = types.void(a, i64, i64, starts, b, i64, bias, i64, types.boolean, c, i64, i64, i64)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[0].dtype)
        a, b, bias, c = (pointer(emit, context, sig, args, i) for i in (0, 4, 6, 9))
        a_row, rectify, (c_row, run) = args[2], args[8], args[11:]
        table = context.make_array(sig.args[3])(context, builder, args[3])
        runs = builder.extract_value(table.shape, 0)
        panel, number = 2 * emit.lanes, ir.IntType(64)
        offsets = [builder.mul(a_row, number(m)) for m in range(TALL)]
        groups, rest = (f(run, number(UNROLL)) for f in (builder.sdiv, builder.srem))

        def some(count):  # type: ignore[no-untyped-def]
            def body(sums, a, b):  # type: ignore[no-untyped-def]
                for k in range(count):
                    term(emit, sums, emit.at(a, k), offsets, emit.at(b, k * panel))
                return sums, emit.at(a, count), emit.at(b, count * panel)

            return body

        def one_run(sums, start, b):  # type: ignore[no-untyped-def]
            here = emit.at(a, builder.load(start))
            sums, here, b = loop(emit, sums, here, b, groups, some(UNROLL))
            sums, _, b = loop(emit, sums, here, b, rest, some(1))
            return sums, emit.at(start, 1), b

        places = places_of(emit, c, c_row, TALL, 2)
        for place in places:  # lines of c lie far apart: they come while the sums are made
            emit.fetch(place, to_write=True)
        start = [emit.load(emit.at(bias, v * emit.lanes)) for v in range(2)] * TALL
        sums, _, _ = loop(emit, start, table.data, b, runs, one_run)
        rectified = [builder.select(rectify, emit.rectified(value), value) for value in sums]
        write(emit, rectified, places)
        return context.get_dummy_value()

    return signature, generate


def _outer_steps(vectors: int) -> Any:
    """The intrinsics of `outer_steps_2` and `outer_steps_3`: their vectors of a row of c."""

    @intrinsic
    def product(typingctx, rows, a, a_at, a_step, b, b_at, b_step, c, c_at, c_row, terms, ahead, add, past):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
        i64, boolean = types.int64, types.boolean
        signature = types.void(
            *(i64, a, i64, i64, b, i64, i64, c, i64, i64, i64, i64, boolean, boolean)
        )

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            emit, number = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
            a, b, c = (pointer(emit, context, sig, args, i) for i in (1, 4, 7))
            (a_step, b_step), (c_row, terms, ahead, add, past) = (args[3], args[6]), args[9:]
            groups, rest = (f(terms, number(UNROLL)) for f in (builder.sdiv, builder.srem))

            def some(count, rows):  # type: ignore[no-untyped-def]
                def body(sums, a, b):  # type: ignore[no-untyped-def]
                    emit.fetch(emit.at(b, ahead))
                    for _ in range(count):
                        term(emit, sums, a, range(rows), b)
                        a, b = emit.at(a, a_step), emit.at(b, b_step)
                    return sums, a, b

                return body

            def product(rows):  # type: ignore[no-untyped-def]
                places = places_of(emit, c, c_row, rows, vectors)
                sums = begun(emit, places, add)
                sums, here_a, here_b = loop(emit, sums, a, b, groups, some(UNROLL, rows))
                sums, _, _ = loop(emit, sums, here_a, here_b, rest, some(1, rows))
                with builder.if_else(past) as (streaming, storing):
                    for branch, write in ((streaming, emit.stream), (storing, emit.store)):
                        with branch:
                            for place, value in zip(places, sums, strict=True):
                                write(value, place)

            choose(builder, args[0], range(EVEN // 2, EVEN + 1), product)
            return context.get_dummy_value()

        return signature, generate

    return product


outer_steps_2, outer_steps_3 = _outer_steps(2), _outer_steps(3)
"""c (rows,2L) or (rows,3L) = or += a^T (rows,K) b (K,2L or 3L), both as they lie; K = terms.

outer_steps_3(rows, a, a_at, a_step, b, b_at, b_step, c, c_at, c_row, terms, ahead, add, past)

EVEN / 2 to EVEN rows; for another number nothing is done. A term's rows lie side by side in a, its
vectors in b; `a_step` and `b_step` elements from one term to the next, `c_row` from a row of c.
With every fourth term the cache line `ahead` elements behind its vectors is fetched. With `add` the
sums in c go on; with `past` they are written past the caches (`streaming.py`).
"""


outer_runs: Any = intrinsic(_outer_runs)
