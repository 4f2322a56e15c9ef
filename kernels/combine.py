"""Small constant matrices times vectors, unrolled: the transforms of Winograd's algorithm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.vector import Emitter, pointer

Rows = Sequence[Sequence[Any]]


def combine(
    matrices: Mapping[int, Rows],
    gather: bool = False,
    scatter: bool = False,
    rectify: bool = False,
) -> Any:
    """An intrinsic: to[i] = sum over j of matrix[i][j] source[j], each a vector; i, j unrolled.

        f(number, source, source_at, source_step, to, to_at, to_step)

    `number` says which of the matrices; for another nothing is written. source[j] lies at
    `source_at + j source_step`. With `gather`, f(number, source, source_at, places, to, to_at,
    to_step, row), it lies at `source_at + places[row, j]`, of an int64 array; `to` with `scatter`
    alike, and f takes one more argument: whether to `stream` past the caches. If not, the line
    behind each result is fetched: it is written next, and the processor does not foresee so many
    places. What is gathered next, two vectors behind, is fetched too.
    (A view of one row would be counted among its array's references.) With `rectify` what is not
    above 0 becomes 0, NaN stays.
    Rows that are each other's mirror, the same up to the signs of some entries, share the sum of
    what is equal and the sum of what is opposite.
    """
    i64 = types.int64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[1].dtype)

        def places(i, table, count):  # type: ignore[no-untyped-def]
            base = pointer(emit, context, sig, args, i)
            if not table:
                return [
                    emit.at(base, builder.mul(args[i + 2], ir.IntType(64)(k))) for k in range(count)
                ]
            array = context.make_array(sig.args[i + 2])(context, builder, args[i + 2])
            columns = builder.extract_value(array.shape, 1)
            row = emit.at(array.data, builder.mul(args[7], columns))
            return [emit.at(base, builder.load(emit.at(row, k))) for k in range(count)]

        after = builder.append_basic_block("combine.after")
        chosen = builder.switch(args[0], after)
        for number, matrix in matrices.items():
            case = builder.append_basic_block(f"combine.{number}")
            chosen.add_case(ir.IntType(64)(number), case)
            builder.position_at_end(case)
            rows = [[float(v) for v in row] for row in matrix]
            used = [any(column) for column in zip(*rows, strict=True)]
            sources = places(1, gather, len(used))
            inputs = [
                emit.load(place) if use else None for place, use in zip(sources, used, strict=True)
            ]
            if gather:
                for place in sources:
                    emit.fetch(emit.at(place, 2 * emit.lanes))
            outputs = _linear(emit, rows, inputs)
            if rectify:
                outputs = [emit.rectified(value) for value in outputs]
            to = places(4, scatter, len(rows))
            if scatter:
                with builder.if_else(args[8]) as (streaming, storing):
                    with streaming:
                        _put(emit, outputs, to, emit.stream)
                    with storing:
                        _put(emit, outputs, to, emit.store_and_fetch)
            else:
                _put(emit, outputs, to, emit.store)
            builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    @intrinsic
    def stepping(typingctx, number, source, source_at, source_step, to, to_at, to_step):  # type: ignore[no-untyped-def]  # fmt: skip
        return types.void(i64, source, i64, i64, to, i64, i64), generate

    @intrinsic
    def gathering(typingctx, number, source, source_at, places, to, to_at, to_step, row):  # type: ignore[no-untyped-def]  # fmt: skip
        return types.void(i64, source, i64, places, to, i64, i64, i64), generate

    @intrinsic
    def scattering(typingctx, number, source, source_at, source_step, to, to_at, places, row, stream):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
        return types.void(i64, source, i64, i64, to, i64, places, i64, types.boolean), generate

    return gathering if gather else scattering if scatter else stepping


def _put(emit: Emitter, values: list[ir.Value], places: list[ir.Value], write: Any) -> None:
    for value, place in zip(values, places, strict=True):
        write(value, place)


def _linear(emit: Emitter, rows: list[list[float]], inputs: list[Any]) -> list[ir.Value]:
    """The rows' sums; mirrored rows are found as they come."""
    outputs: list[Any] = [None] * len(rows)
    for p, row in enumerate(rows):
        if outputs[p] is not None:
            continue
        mirror = next((q for q in range(p + 1, len(rows)) if _mirrored(row, rows[q])), None)
        if mirror is None:
            outputs[p] = _sum(emit, row, inputs)
            continue
        pairs = list(zip(row, rows[mirror], strict=True))
        equal = _sum(emit, [a if a == b else 0.0 for a, b in pairs], inputs)
        opposite = _sum(emit, [a if a != b else 0.0 for a, b in pairs], inputs)
        outputs[p] = emit.builder.fadd(equal, opposite)
        outputs[mirror] = emit.builder.fsub(equal, opposite)
    return outputs


def _mirrored(row: list[float], other: list[float]) -> bool:
    """The same up to signs, some of which are equal and some opposite."""
    nonzero = [(a, b) for a, b in zip(row, other, strict=True) if a or b]
    alike = [a == b for a, b in nonzero]
    return all(abs(a) == abs(b) for a, b in nonzero) and any(alike) and not all(alike)


def _sum(emit: Emitter, row: list[float], inputs: list[Any]) -> ir.Value:
    """Terms of weight 1 first, which cost no product."""
    terms = sorted((abs(abs(v) - 1), j) for j, v in enumerate(row) if v)
    total = None
    for _, j in terms:
        value = row[j]
        if total is None:
            total = inputs[j] if value == 1 else emit.builder.fmul(inputs[j], emit.constant(value))
        elif abs(value) == 1:
            join = emit.builder.fadd if value > 0 else emit.builder.fsub
            total = join(total, inputs[j])
        else:
            total = emit.fma(inputs[j], emit.constant(value), total)
    return emit.constant(0.0) if total is None else total
