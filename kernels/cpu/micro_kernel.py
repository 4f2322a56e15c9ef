"""Register-blocked outer-product micro-kernels, MR x NR: the inner loop of every matrix product.

    C (MR,NR) += A (MR,K) B (K,NR)

MR rows by NR / L vectors of sums stay in registers over the whole sum (L elements per vector). For
each term k, MR scalars of A and NR / L vectors of B are loaded for MR NR / L fused multiply-adds: a
rank-1 update (Goto, van de Geijn 2008; the names are those of BLIS, Van Zee, van de Geijn 2015).
Every sum is a chain of multiply-adds in the order of k, whatever L is: the same bits on every
machine. The intrinsics differ in how A and B are stored:

    outer_packed, _rows     A packed: 16 terms of a row are contiguous; B in panels of NR
    outer_transposed, _2    A packed and transposed: the rows of a term are contiguous
    outer_strided_2, _3     A transposed and B, both read in place
    `micro_kernel_in_place.py`: A read in place, B in panels of NR
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.compilation import inlined
from kernels.contract.machine import CACHE_LINE, MACHINE
from kernels.cpu.vector import KR, Emitter, choose, pointer

MANY_REGISTERS = MACHINE.registers >= 32
# 24 of 32 or 12 of 16 registers hold sums; the others the vectors and a factor on their way.
MR = 12 if MANY_REGISTERS else 6  # rows of a tile with A packed: MR x 2 vectors
MR_STEP = 3  # rows of the shortest such tile, of which MR is a multiple
MR_T = 8 if MANY_REGISTERS else 4  # rows of a tile with A transposed: MR_T x 3 vectors
# Terms of a sum that are unrolled. With 16, LLVM hoists the loads of later terms until the sums are
# spilled: half the speed with AVX-512, nothing gained with AVX2.
UNROLL = 4
PREFETCHED = 4
"""Cache lines of the next panel of B that are prefetched for every 16 terms of this one."""

Sums = list[ir.Value]
Body = Callable[[Sums, ir.Value, ir.Value], tuple[Sums, ir.Value, ir.Value]]


def loop(emit: Emitter, sums: Sums, a: ir.Value, b: ir.Value, times: ir.Value, body: Body) -> Any:
    """A loop of `times` iterations; sums are loop-carried in registers, `body` advances a and b."""
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
    """Rank-1 update of the sums (rows x vectors); `rows`: the offset of each row from a."""
    vectors = len(sums) // len(rows)
    loaded = [emit.load(emit.at(b, v * emit.lanes)) for v in range(vectors)]
    for m, offset in enumerate(rows):
        factor = emit.broadcast(emit.builder.load(emit.at(a, offset)))
        for v in range(vectors):
            here = m * vectors + v
            sums[here] = emit.fma(factor, loaded[v], sums[here])


def places_of(emit: Emitter, c: ir.Value, c_row: ir.Value, rows: int, vectors: int) -> Sums:
    """Pointers to the vectors of a tile of c, row by row."""
    return [
        emit.at(c, emit.builder.mul(c_row, ir.IntType(64)(m)), v * emit.lanes)
        for m in range(rows)
        for v in range(vectors)
    ]


def begun(emit: Emitter, places: Sums, go_on: ir.Value) -> Sums:
    """Initial sums: the tile of c where `go_on` is true, else zeros."""
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
    """The intrinsics with A packed, transposed or not, which differ in four numbers.

    Element (m, k) of a block of A has the offset `m row_step + k term_step`. With several heights
    the first argument selects one; any other number does nothing.
    """

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        first = len(args) - 12
        emit = Emitter(builder, sig.args[first].dtype)
        a, b, c = (pointer(emit, context, sig, args, first + i) for i in (0, 3, 5))
        a_step, (c_row, steps, tail, add, distance) = args[first + 2], args[first + 7 :]
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
                for i in range(PREFETCHED):
                    emit.fetch(emit.at(b, distance, i * cache_line))
                for i in range(rows * row_step // KR):
                    emit.fetch(emit.at(a, rows * row_step + i * cache_line))
                times = ir.IntType(64)(KR // UNROLL)
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
    def of_one(typingctx, a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add, distance):  # type: ignore[no-untyped-def]  # fmt: skip
        return types.void(a, i64, i64, b, i64, c, i64, i64, i64, i64, types.boolean, i64), generate

    @intrinsic
    def of_some(typingctx, rows, a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add, distance):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
        return (
            types.void(i64, a, i64, i64, b, i64, c, i64, i64, i64, i64, types.boolean, i64),
            generate,
        )

    return of_some if len(heights) > 1 else of_one


outer_packed = _outer([MR], 2, KR, 1)
"""c (MR,2L) = or += a (MR,K) b (K,2L), K = 16 steps + tail, L elements per vector.

outer_packed(a, a_at, a_step, b, b_at, c, c_at, c_row, steps, tail, add, distance)

A is packed: 16 terms of a row are contiguous, followed by the same 16 terms of the next row;
`a_step` elements separate two such blocks. B is packed in panels of NR = 2L. `c_row` is the row
stride of c. With `add` the sums start from c: the same bits as if all terms came in one call.

The hardware prefetcher follows a panel, but does not start the next one. So with each block of 16
terms PREFETCHED cache lines are prefetched from `distance` elements behind b (`prefetch_distance`
gives that distance), and those of the rows of A that follow.
"""
outer_packed_rows = _outer(range(MR_STEP, MR + 1, MR_STEP), 2, KR, 1)
"""The same for any multiple of MR_STEP rows up to MR, given by the first argument."""
outer_transposed = _outer([MR_T], 3, 1, KR)
"""c (MR_T,3L) = or += a^T (MR_T,K) b (K,3L), A transposed: the rows of a term are contiguous.

Arguments as for `outer_packed`; `a_step` separates two blocks of 16 terms.
"""
outer_transposed_2 = _outer([MR_T], 2, 1, KR)
"""The same with b (K,2L), for N that panels of 3L would leave half empty."""


@inlined
def prefetch_distance(panel, each, turn):  # type: ignore[no-untyped-def]
    """Prefetch distance in elements for call number `turn` on one panel of B.

    The next panel begins `panel` elements behind; `each` elements of B belong to 16 terms. Each
    call prefetches PREFETCHED cache lines of the next panel. Once all are prefetched, the distance
    is 0.
    """
    first = turn * (PREFETCHED * KR)
    return panel + first if first < each else 0


def _outer_strided(vectors: int) -> Any:
    """The intrinsics `outer_strided_2` and `outer_strided_3`, of 2 and 3 vectors per row of c."""

    @intrinsic
    def product(typingctx, rows, a, a_at, a_step, b, b_at, b_step, c, c_at, c_row, terms, distance, add, non_temporal):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
        i64, boolean = types.int64, types.boolean
        signature = types.void(
            *(i64, a, i64, i64, b, i64, i64, c, i64, i64, i64, i64, boolean, boolean)
        )

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            emit, number = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
            a, b, c = (pointer(emit, context, sig, args, i) for i in (1, 4, 7))
            (a_step, b_step), (c_row, terms, distance, add, non_temporal) = (
                (args[3], args[6]),
                args[9:],
            )
            groups, rest = (f(terms, number(UNROLL)) for f in (builder.sdiv, builder.srem))

            def some(count, rows):  # type: ignore[no-untyped-def]
                def body(sums, a, b):  # type: ignore[no-untyped-def]
                    emit.fetch(emit.at(b, distance))
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
                with builder.if_else(non_temporal) as (bypassing, storing):
                    for branch, write in ((bypassing, emit.stream), (storing, emit.store)):
                        with branch:
                            for place, value in zip(places, sums, strict=True):
                                write(value, place)

            choose(builder, args[0], range(MR_T // 2, MR_T + 1), product)
            return context.get_dummy_value()

        return signature, generate

    return product


outer_strided_2, outer_strided_3 = _outer_strided(2), _outer_strided(3)
"""c (rows,2L) or (rows,3L) = or += a^T (rows,K) b (K,2L or 3L), both read in place; K = terms.

outer_strided_3(rows, a, a_at, a_step, b, b_at, b_step, c, c_at, c_row, terms, distance, add,
                non_temporal)

MR_T / 2 to MR_T rows; any other number does nothing. The rows of a term are contiguous in a, its
vectors in b; `a_step` and `b_step` are the strides of terms, `c_row` the row stride of c. With
every fourth term the cache line `distance` elements behind its vectors is prefetched. With `add`
the sums start from c; with `non_temporal` they are written by non-temporal stores
(`non_temporal.py`).
"""
