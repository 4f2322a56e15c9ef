"""Sums of products channel by channel, several neighbouring results in registers.

    y[t, c] = begin[t, c] + sum over k < count of w[k, c] source[t, k, c]        t < width <= MOST

A depthwise convolution multiplies each channel with weights of its own, so there is no matrix
product, but all channels of a pixel do the same: a vector holds L channels. One call sums `width`
results of L channels in as many registers; a factor is loaded once for all of them. It loads width
+ 1 vectors for width multiply-adds, which a core that loads two a cycle keeps up with from the L1
cache. Every sum is a chain of multiply-adds in the order of k: the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import extending

from kernels.cpu.micro_kernel import loop
from kernels.cpu.vector import Emitter, choose, pointer

MOST = 8
"""Results of one call: their sums hide the latency of multiply-adds, 4 cycles at 2 a cycle."""
WIDTHS = 8, 7, 4, 1
"""Results of one call of `channelwise_rows`; 7 for planes of 7 and 14 columns."""
OUTPUTS = 4
"""Outputs of one step of `channelwise_shares`: their pixels are loaded once."""
Vectors = list[ir.Value]
intrinsic: Any = extending.intrinsic  # its stub has the typing context among the arguments


@intrinsic
def channelwise(typingctx, width, source, source_at, source_step, places, w, w_at, factors, count, begin, begin_at, begin_step, rectify, y, y_at, y_step):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """y[t] = begin[t] + sum over k < count of w[factors[k]] source[t, places[k]], each L channels.

    Vector k of result t is at `source_at + t source_step + places[k]`, its factor at `w_at +
    factors[k]` (both int64), the result at `y_at + t y_step`. The sums start from the vectors at
    `begin_at + t begin_step`: a bias for a step of 0, or sums that go on. With `rectify` the result
    is max(y, 0), where NaN stays NaN. `width` is 1 to MOST; any other does nothing.
    """
    i64 = types.int64
    signature = types.void(
        *(i64, source, i64, i64, places, w, i64, factors, i64),
        *(begin, i64, i64, types.boolean, y, i64, i64),
    )

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, number = Emitter(builder, sig.args[1].dtype), ir.IntType(64)
        source, w, begin, y = (pointer(emit, context, sig, args, i) for i in (1, 5, 9, 13))
        places, factors = (
            context.make_array(sig.args[i])(context, builder, args[i]).data for i in (4, 7)
        )
        source_step, begin_step, y_step = args[3], args[11], args[15]

        def some(width):  # type: ignore[no-untyped-def]
            steps = [builder.mul(source_step, number(t)) for t in range(width)]

            def body(sums, place, factor):  # type: ignore[no-untyped-def]
                here = emit.at(source, builder.load(place))
                factor_of_all = emit.load(emit.at(w, builder.load(factor)))
                new = [
                    emit.fma(emit.load(emit.at(here, step)), factor_of_all, total)
                    for step, total in zip(steps, sums, strict=True)
                ]
                return new, emit.at(place, 1), emit.at(factor, 1)

            start = [emit.load(emit.at(begin, builder.mul(begin_step, number(t))))
                     for t in range(width)]  # fmt: skip
            sums, _, _ = loop(emit, start, places, factors, args[8], body)
            for t, value in enumerate(sums):
                chosen = builder.select(args[12], emit.rectified(value), value)
                emit.store(chosen, emit.at(y, builder.mul(y_step, number(t))))

        choose(builder, args[0], range(1, MOST + 1), some)
        return context.get_dummy_value()

    return signature, generate


@dataclass(frozen=True)
class _Row:
    """One row of taps, unrolled: result t meets pixel u by tap u - t stride.

    S, stride: the window; width: the number of results.
    """

    S: int
    stride: int
    width: int

    @property
    def pixels(self) -> range:
        return range((self.width - 1) * self.stride + self.S)

    def met(self, u: int) -> list[tuple[int, int]]:
        """The results that pixel u contributes to, each with its tap."""
        taps = [(t, u - t * self.stride) for t in range(self.width)]
        return [(t, s) for t, s in taps if 0 <= s < self.S]

    def added(self, emit: Emitter, sums: Vectors, x: Vectors, w: Vectors, u: int) -> Vectors:
        """The sums with the products of pixel u, which is loaded once."""
        if not self.met(u):
            return sums
        new, value = list(sums), emit.load(x[u])
        for t, s in self.met(u):
            new[t] = emit.fma(value, w[s], new[t])
        return new


def _if_on_plane(emit: Emitter, u: int, first: ir.Value, end: ir.Value, sums: Vectors,
                 added: Callable[[], Vectors]) -> Vectors:  # fmt: skip
    """`added()` if first <= u < end, else the sums as they are."""
    builder, number = emit.builder, ir.IntType(64)(u)
    inside = builder.and_(
        builder.icmp_signed("<=", first, number), builder.icmp_signed("<", number, end)
    )
    before = builder.block
    with builder.if_then(inside):
        new, there = added(), builder.block
    chosen = []
    for old, value in zip(sums, new, strict=True):
        if old is value:
            chosen.append(old)
            continue
        phi = builder.phi(emit.vector)
        phi.add_incoming(old, before)
        phi.add_incoming(value, there)
        chosen.append(phi)
    return chosen


@intrinsic
def channelwise_rows(typingctx, taps, stride, width, source, source_at, pixel, places, w, w_at, tap, factors, rows, first, end, begin, begin_at, rectify, y, y_at, y_step, non_temporal):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """y[t] = begin + sum over r < rows, s < S of w[r, s] source[t, r, s], each L channels.

    `taps` and `stride` are tuples of S and of stride elements: the code is unrolled for their
    lengths, which are part of their types. Pixel u of row r is at `source_at + places[r] + u pixel`
    (int64), factor s at `w_at + factors[r] + s tap`; result t meets the pixels t stride + s and is
    at `y_at + t y_step`. The row's pixels on the plane are numbers `first` to `end` - 1: products
    with others are left out. With `non_temporal` the results are written by non-temporal stores.
    `width` is one of WIDTHS; any other does nothing. The same bits as `channelwise` gives.
    """
    i64, boolean = types.int64, types.boolean
    signature = types.void(
        *(taps, stride, i64, source, i64, i64, places, w, i64, i64, factors, i64, i64, i64),
        *(begin, i64, boolean, y, i64, i64, boolean),
    )

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, number = Emitter(builder, sig.args[3].dtype), ir.IntType(64)
        source, w, begin, y = (pointer(emit, context, sig, args, i) for i in (3, 7, 14, 17))
        places, factors = (
            context.make_array(sig.args[i])(context, builder, args[i]).data for i in (6, 10)
        )
        pixel, tap, (rows, first, end), rectify = args[5], args[9], args[11:14], args[16]
        y_step, non_temporal = args[19:]

        def some(width):  # type: ignore[no-untyped-def]
            row = _Row(sig.args[0].count, sig.args[1].count, width)
            steps = [builder.mul(pixel, number(u)) for u in row.pixels]
            each = [builder.mul(tap, number(s)) for s in range(row.S)]

            def body(sums, place, factor, guarded):  # type: ignore[no-untyped-def]
                here, there = emit.at(source, builder.load(place)), emit.at(w, builder.load(factor))
                taps = [emit.load(emit.at(there, step)) for step in each]
                pixels = [emit.at(here, step) for step in steps]
                for u in row.pixels:
                    added = partial(row.added, emit, sums, pixels, taps, u)
                    sums = _if_on_plane(emit, u, first, end, sums, added) if guarded else added()
                return sums, emit.at(place, 1), emit.at(factor, 1)

            start = [emit.load(begin)] * row.width
            to = [emit.at(y, builder.mul(y_step, number(t))) for t in range(row.width)]
            whole = builder.and_(
                builder.icmp_signed("<=", first, number(0)),
                builder.icmp_signed(">=", end, number(len(row.pixels))),
            )
            with builder.if_else(whole) as branches:
                for branch, guarded in zip(branches, (False, True), strict=True):
                    with branch:
                        step = partial(body, guarded=guarded)
                        sums, _, _ = loop(emit, start, places, factors, rows, step)
                        _write(emit, sums, to, rectify, non_temporal)

        choose(builder, args[2], WIDTHS, some)
        return context.get_dummy_value()

    return signature, generate


def _write(emit: Emitter, sums: Vectors, to: Vectors, rectify: ir.Value, bypass: ir.Value) -> None:
    """Store the sums, or max(sums, 0) with `rectify`; past the caches with `bypass`."""
    values = [emit.builder.select(rectify, emit.rectified(value), value) for value in sums]
    with emit.builder.if_else(bypass) as (bypassing, storing):
        for branch, put in ((bypassing, emit.stream), (storing, emit.store)):
            with branch:
                for value, place in zip(values, to, strict=True):
                    put(value, place)


def rows_at_a_time(S: int) -> int:
    """Rows of taps whose sums fit into 16 registers beside the outputs: 3 of 3, 2 of 5, 1 of 7."""
    return max(1, 10 // S)


@intrinsic
def channelwise_shares(typingctx, taps, stride, rows, x, x_at, pixel, x_row, left, W, gy, gy_at, first, end, Q, sums, sums_at, tap, sums_row):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """sums[r, s] += sum over q < Q of gy[q] x[r, q stride + left + s], each L channels.

    `taps` and `stride` are tuples of S and of stride elements, as for `channelwise_rows`. Pixel j
    of row r is at `x_at + r x_row + j pixel`, gy[q] at `gy_at + q pixel`, sum (r, s) at `sums_at +
    r sums_row + s tap`. Products with pixels other than 0 to W - 1 are left out; those of the
    outputs `first` to `end` - 1 are all among these. `rows` is 1 or `rows_at_a_time(S)`; any other
    does nothing. Each sum is a chain in the order of q, the same bits as `channelwise` gives.
    """
    i64 = types.int64
    signature = types.void(
        *(taps, stride, i64, x, i64, i64, i64, i64, i64, gy, i64, i64, i64, i64),
        *(sums, i64, i64, i64),
    )

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        emit, number = Emitter(builder, sig.args[3].dtype), ir.IntType(64)
        x, gy, sums = (pointer(emit, context, sig, args, i) for i in (3, 9, 14))
        pixel, x_row, left, W = args[5:9]
        first, end, Q = args[11:14]
        tap, sums_row = args[16:]
        S, stride = sig.args[0].count, sig.args[1].count

        def added(rows, row, u, totals, j, outputs):  # type: ignore[no-untyped-def]
            """The sums with the products of pixel j + u of each row."""
            new = list(totals)
            here = emit.at(x, builder.mul(builder.add(j, number(u)), pixel))
            for r in range(rows):
                value = emit.load(emit.at(here, builder.mul(x_row, number(r))))
                for t, s in row.met(u):
                    new[r * S + s] = emit.fma(value, outputs[t], new[r * S + s])
            return new

        def some(rows, width, guarded):  # type: ignore[no-untyped-def]
            row = _Row(S, stride, width)

            def body(totals, j, output):  # type: ignore[no-untyped-def]
                outputs = [emit.load(emit.at(output, builder.mul(pixel, number(t))))
                           for t in range(width)]  # fmt: skip
                for u in (u for u in row.pixels if row.met(u)):
                    add = partial(added, rows, row, u, totals, j, outputs)
                    low, high = builder.neg(j), builder.sub(W, j)
                    totals = _if_on_plane(emit, u, low, high, totals, add) if guarded else add()
                on = builder.mul(pixel, number(width))
                return totals, builder.add(j, number(width * stride)), emit.at(output, on)

            return body

        def block(rows):  # type: ignore[no-untyped-def]
            places = [
                emit.at(sums, builder.mul(sums_row, number(r)), builder.mul(tap, number(s)))
                for r in range(rows)
                for s in range(S)
            ]
            totals, j, output = [emit.load(place) for place in places], left, gy
            inside = builder.sub(end, first)
            for times, width, guarded in (
                (first, 1, True),
                (builder.udiv(inside, number(OUTPUTS)), OUTPUTS, False),
                (builder.urem(inside, number(OUTPUTS)), 1, False),
                (builder.sub(Q, end), 1, True),
            ):
                body = some(rows, width, guarded)
                totals, j, output = loop(emit, totals, j, output, times, body)
            for place, value in zip(places, totals, strict=True):
                emit.store(value, place)

        choose(builder, args[2], sorted({1, rows_at_a_time(S)}), block)
        return context.get_dummy_value()

    return signature, generate
