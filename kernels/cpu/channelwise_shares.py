"""Gradient of the taps of a depthwise convolution, channel by channel, a row of outputs at a time.

    sums[r, s, c] += sum over q of gy[q, c] x[r, q stride + left + s, c]

The sums of some rows of taps stay in registers while a row of outputs is read once; `OUTPUTS` of
them at a time, so that the pixels that they share are loaded once.
"""

from __future__ import annotations

from functools import partial

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from kernels.cpu.channelwise import intrinsic
from kernels.cpu.channelwise_rows import Row, if_on_plane
from kernels.cpu.micro_kernel import loop
from kernels.cpu.vector import Emitter, choose, pointer

OUTPUTS = 4
"""Outputs of one step: their pixels are loaded once."""


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
            row = Row(S, stride, width)

            def body(totals, j, output):  # type: ignore[no-untyped-def]
                outputs = [emit.load(emit.at(output, builder.mul(pixel, number(t))))
                           for t in range(width)]  # fmt: skip
                for u in (u for u in row.pixels if row.met(u)):
                    add = partial(added, rows, row, u, totals, j, outputs)
                    low, high = builder.neg(j), builder.sub(W, j)
                    totals = if_on_plane(emit, u, low, high, totals, add) if guarded else add()
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
