"""Sums of products channel by channel, several neighbouring results in registers.

    y[t, c] = begin[t, c] + sum over k < count of w[k, c] source[t, k, c]        t < width <= MOST

A depthwise convolution multiplies each channel with weights of its own, so there is no matrix
product, but all channels of a pixel do the same: a vector holds L channels. One call sums `width`
results of L channels in as many registers; a factor is loaded once for all of them. It loads width
+ 1 vectors for width multiply-adds, which a core that loads two a cycle keeps up with from the L1
cache. Every sum is a chain of multiply-adds in the order of k: the same bits on every machine.

`channelwise_rows.py` has rows of taps, unrolled; `channelwise_shares.py` the gradient of the taps.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import extending

from kernels.cpu.micro_kernel import loop
from kernels.cpu.vector import Emitter, choose, pointer

MOST = 8
"""Results of one call: their sums hide the latency of multiply-adds, 4 cycles at 2 a cycle."""
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
