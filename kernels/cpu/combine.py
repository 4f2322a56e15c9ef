"""Products of small constant matrices with vectors, unrolled, for Winograd's transforms."""

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

    `number` selects the matrix; any other number does nothing. source[j] has the offset
    `source_at + j source_step`. With `gather`, f(number, source, source_at, places, to, to_at,
    to_step, row), its offset is `source_at + places[row, j]` (int64); with `scatter` the same holds
    for `to`, and f takes one more argument, whether to `stream`: to use non-temporal stores. If
    not, the cache line behind each result is prefetched for writing, since the hardware prefetcher
    does not follow so many addresses. What is gathered next, two vectors behind, is prefetched too.
    (The row is an index and not a view: a view would update the reference count of its array.)
    With `rectify` the result is max(y, 0), where NaN stays NaN.
    Two rows that are equal up to the signs of some entries share the sum of their equal terms and
    the sum of their opposite terms: one addition and one subtraction give both.
    """
    i64 = types.int64

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit = Emitter(builder, sig.args[1].dtype)

        def product(number):  # type: ignore[no-untyped-def]
            rows = [[float(v) for v in row] for row in matrices[number]]
            sources = _places(emit, context, sig, args, 1, len(rows[0]), gather)
            outputs = _linear(emit, rows, _read(emit, sources, rows, distance=gather))
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
    """Pointers to `count` vectors of array `args[i]`: a step apart, or from a row of offsets."""
    base = pointer(emit, context, sig, args, i)
    if not listed:
        step = args[i + 2]
        return [emit.at(base, emit.builder.mul(step, ir.IntType(64)(k))) for k in range(count)]
    array = context.make_array(sig.args[i + 2])(context, emit.builder, args[i + 2])
    row = emit.at(array.data, emit.builder.mul(args[7], emit.builder.extract_value(array.shape, 1)))
    return [emit.at(base, emit.builder.load(emit.at(row, k))) for k in range(count)]


def _read(emit: Emitter, places: Sums, rows: list[list[float]], distance: bool) -> list[Any]:
    """Loads of vectors whose column is not zero; with `distance` the next but one is prefetched."""
    used = [any(column) for column in zip(*rows, strict=True)]
    found = [emit.load(place) if use else None for place, use in zip(places, used, strict=True)]
    if distance:
        for place in places:
            emit.fetch(emit.at(place, 2 * emit.lanes))
    return found


def _write_or_stream(emit: Emitter, values: Sums, places: Sums, stream: ir.Value) -> None:
    """Non-temporal stores, or stores with a prefetch of the line behind each."""
    with emit.builder.if_else(stream) as (bypassing, storing):
        for branch, put in ((bypassing, emit.stream), (storing, emit.store_and_fetch)):
            with branch:
                for value, place in zip(values, places, strict=True):
                    put(value, place)


def _linear(emit: Emitter, rows: list[list[float]], inputs: list[Any]) -> list[ir.Value]:
    """The sum of each row; rows that mirror each other share their partial sums."""
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


class _Counter:
    """An emitter that emits nothing and counts the arithmetic."""

    def __init__(self) -> None:
        self.operations, self.builder = 0, self

    def constant(self, value: float) -> float:
        return value

    def fadd(self, a: float, b: float) -> float:
        self.operations += 1
        return 0.0

    fsub = fadd

    def fmul(self, a: float, b: float) -> float:
        """A factor of -1 becomes a subtraction."""
        self.operations += b != -1
        return 0.0

    def fma(self, a: float, b: float, c: float) -> float:
        self.operations += 2
        return 0.0


def operations(rows: Rows) -> int:
    """Multiplications and additions of one product with the matrix, as `combine` emits it."""
    counter = _Counter()
    numbers = [[float(v) for v in row] for row in rows]
    _linear(counter, numbers, [0.0] * len(numbers[0]))  # type: ignore[arg-type]
    return counter.operations


def _mirrored(row: list[float], other: list[float]) -> bool:
    """Whether two rows are equal up to signs, some of them equal and some opposite."""
    nonzero = [(a, b) for a, b in zip(row, other, strict=True) if a or b]
    alike = [a == b for a, b in nonzero]
    return all(abs(a) == abs(b) for a, b in nonzero) and any(alike) and not all(alike)


def _sum(emit: Emitter, row: list[float], inputs: list[Any]) -> ir.Value:
    """The sum of a row; terms of weight 1 and -1 first, which need no multiplication."""
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
