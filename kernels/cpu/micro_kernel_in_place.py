"""Outer-product micro-kernels that read the rows of A in place, B in panels of NR = 2L.

    C (rows,K') = A (rows,K) B (K,K') + bias

In channels-last memory the rows of a convolution's windows need no packing where their terms are
contiguous. Sums, names and blocking are those of `micro_kernel.py`.

    outer_in_place    MR rows, whole panels
    outer_rows        some rows, whole and part panels; the next panel is prefetched
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.contract.machine import CACHE_LINE
from kernels.cpu.micro_kernel import MR, UNROLL, loop, places_of, term, write
from kernels.cpu.vector import Emitter, choose, pointer

SHORT = MR // 2
"""Rows of the shortest tile of several rows of `outer_rows`."""
HEIGHTS = (1, *range(SHORT, MR + 1))
"""Rows of the tiles of `outer_rows`."""
FETCHED = 2
"""Cache lines of the next panel that `outer_rows` prefetches for every UNROLL terms of this one."""


def _outer_in_place(typingctx, a, a_at, a_row, starts, b, b_at, bias, bias_at, rectify, c, c_at, c_row, run):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """c (MR,2L) = a (MR,K) b (K,2L) + bias (2L,), A read in place: K = runs x run terms.

    The terms of a run are contiguous; run i begins `starts[i]` elements (int64) behind the first of
    the row. `a_row` and `c_row` are row strides. B is packed in panels of NR = 2L. With `rectify`
    the result is max(y, 0), where NaN stays NaN.
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
        offsets = [builder.mul(a_row, number(m)) for m in range(MR)]
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

        places = places_of(emit, c, c_row, MR, 2)
        for place in places:  # rows of c are far apart: prefetched during the sum
            emit.fetch(place, to_write=True)
        start = [emit.load(emit.at(bias, v * emit.lanes)) for v in range(2)] * MR
        sums, _, _ = loop(emit, start, table.data, b, runs, one_run)
        rectified = [builder.select(rectify, emit.rectified(value), value) for value in sums]
        write(emit, rectified, places)
        return context.get_dummy_value()

    return signature, generate


def _outer_rows(typingctx, rows, a, a_at, a_row, starts, run, b, b_at, bias, bias_at, rectify, c, c_at, c_row, count, distance):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """c (rows,count) = a (rows,K) b (K,2L) + bias (2L,), read in place as by `outer_in_place`.

    rows: one of HEIGHTS; any other number does nothing. count: columns of c that are written, as
    many as there are up to 2L; with at most L only the first vector of a panel is read. With every
    UNROLL terms FETCHED cache lines from `distance` elements behind b on are prefetched: of the
    next panel. `rectify` as for `outer_in_place`.
    """
    i64 = types.int64
    signature = types.void(
        *(i64, a, i64, i64, starts, i64, b, i64, bias, i64, types.boolean, c, i64, i64, i64, i64)
    )

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, number = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
        a, b, bias, c = (pointer(emit, context, sig, args, i) for i in (1, 6, 8, 11))
        a_row, run, rectify, (c_row, count, distance) = args[3], args[5], args[10], args[13:]
        table = context.make_array(sig.args[4])(context, builder, args[4])
        runs = builder.extract_value(table.shape, 0)
        panel, line = 2 * emit.lanes, CACHE_LINE // emit.bytes
        groups, rest = (f(run, number(UNROLL)) for f in (builder.sdiv, builder.srem))
        two = builder.icmp_signed(">", count, number(emit.lanes))
        whole = builder.icmp_signed(">=", count, number(panel))

        def product(which):  # type: ignore[no-untyped-def]
            rows, vectors = which // 2, which % 2 + 1
            offsets = [builder.mul(a_row, number(m)) for m in range(rows)]

            def some(times):  # type: ignore[no-untyped-def]
                def body(sums, a, b):  # type: ignore[no-untyped-def]
                    for i in range(FETCHED if times > 1 else 0):
                        emit.fetch(emit.at(b, distance, i * line))
                    for k in range(times):
                        term(emit, sums, emit.at(a, k), offsets, emit.at(b, k * panel))
                    return sums, emit.at(a, times), emit.at(b, times * panel)

                return body

            def one_run(sums, start, b):  # type: ignore[no-untyped-def]
                here = emit.at(a, builder.load(start))
                sums, here, b = loop(emit, sums, here, b, groups, some(UNROLL))
                sums, _, b = loop(emit, sums, here, b, rest, some(1))
                return sums, emit.at(start, 1), b

            places = places_of(emit, c, c_row, rows, vectors)
            for place in places:  # rows of c are far apart: prefetched during the sum
                emit.fetch(place, to_write=True)
            sums = [emit.load(emit.at(bias, v * emit.lanes)) for v in range(vectors)] * rows
            sums, _, _ = loop(emit, sums, table.data, b, runs, one_run)
            sums = [builder.select(rectify, emit.rectified(value), value) for value in sums]
            left = builder.sub(count, number((vectors - 1) * emit.lanes))
            with builder.if_else(whole) as (then, otherwise):
                with then:
                    write(emit, sums, places)
                with otherwise:
                    for i, (value, place) in enumerate(zip(sums, places, strict=True)):
                        if i % vectors == vectors - 1:
                            emit.store_some(value, place, left)
                        else:
                            emit.store(value, place)

        which = builder.add(builder.shl(args[0], number(1)), builder.zext(two, number))
        choose(builder, which, [2 * h + v for h in HEIGHTS for v in (0, 1)], product)
        return context.get_dummy_value()

    return signature, generate


outer_in_place: Any = intrinsic(_outer_in_place)
outer_rows: Any = intrinsic(_outer_rows)
