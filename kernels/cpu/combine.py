"""Small constant matrices times vectors, unrolled: the transforms of Winograd's algorithm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

from kernels.cpu.micro_kernel import Sums, write
from kernels.cpu.vector import Emitter, choose, pointer

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

        def product(number):  # type: ignore[no-untyped-def]
            rows = [[float(v) for v in row] for row in matrices[number]]
            sources = _places(emit, context, sig, args, 1, len(rows[0]), gather)
            outputs = _linear(emit, rows, _read(emit, sources, rows, ahead=gather))
            if rectify:
                outputs = [emit.rectified(value) for value in outputs]
            to = _places(emit, context, sig, args, 4, len(rows), scatter)
            if scatter:
                _write_or_stream(emit, outputs, to, args[8])
            else:
                write(emit, outputs, to)

        choose(builder, args[0], matrices, product)
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


def _places(
    emit: Emitter, context: Any, sig: Any, args: Any, i: int, count: int, listed: bool
) -> Sums:
    """Where `count` vectors of array `args[i]` lie: a step apart, or as a row of places lists."""
    base = pointer(emit, context, sig, args, i)
    if not listed:
        step = args[i + 2]
        return [emit.at(base, emit.builder.mul(step, ir.IntType(64)(k))) for k in range(count)]
    array = context.make_array(sig.args[i + 2])(context, emit.builder, args[i + 2])
    row = emit.at(array.data, emit.builder.mul(args[7], emit.builder.extract_value(array.shape, 1)))
    return [emit.at(base, emit.builder.load(emit.at(row, k))) for k in range(count)]


def _read(emit: Emitter, places: Sums, rows: list[list[float]], ahead: bool) -> list[Any]:
    """The vectors that the matrix has a use for; what is two `ahead` is fetched."""
    used = [any(column) for column in zip(*rows, strict=True)]
    found = [emit.load(place) if use else None for place, use in zip(places, used, strict=True)]
    if ahead:
        for place in places:
            emit.fetch(emit.at(place, 2 * emit.lanes))
    return found


def _write_or_stream(emit: Emitter, values: Sums, places: Sums, stream: ir.Value) -> None:
    """To the places, past the caches or with the line behind each fetched."""
    with emit.builder.if_else(stream) as (streaming, storing):
        for branch, put in ((streaming, emit.stream), (storing, emit.store_and_fetch)):
            with branch:
                for value, place in zip(values, places, strict=True):
                    put(value, place)


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
