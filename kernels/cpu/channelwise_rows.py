"""Sums of products channel by channel, by rows of taps that are unrolled.

    y[t, c] = begin[c] + sum over r < rows, s < S of w[r, s, c] source[r, t stride + s, c]

Neighbouring results share pixels: the taps of a row are registers, each pixel is loaded once and
multiplied by the taps that meet it. That takes sums, taps and pixels in registers; with 16 of them,
as in AVX2, the compiler keeps some in memory, and rows of up to three taps are faster the other way
round: tap by tap, with the pixels as operands in memory. Either way every sum is a chain of
multiply-adds in the order of r and s, with the bits of `channelwise.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from kernels.contract.machine import MACHINE
from kernels.cpu.channelwise import intrinsic
from kernels.cpu.micro_kernel import loop
from kernels.cpu.vector import Emitter, choose, pointer

WIDTHS = 8, 7, 4, 1
"""Results of one call; 7 for planes of 7 and 14 columns."""
FEW = 16
"""Registers that are too few for sums, taps and pixels."""
Vectors = list[ir.Value]


@dataclass(frozen=True)
class Row:
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

    def added_by_taps(
        self, emit: Emitter, sums: Vectors, here: ir.Value, step: ir.Value, w: Vectors
    ) -> Vectors:
        """The sums with all products, tap by tap: pixels are operands in memory."""
        new = list(sums)
        for s, place in enumerate(w):
            x = _row_of_pixels(emit, opaque(emit, here), step, len(self.pixels))
            factor = emit.load(place)
            for t in range(self.width):
                new[t] = emit.fma(emit.load(x[t * self.stride + s]), factor, new[t])
        return new

    def in_few_registers(self) -> bool:
        """Whether sums, taps and pixels are too many for 16 registers: the compiler then keeps some
        of them in memory, and reading the pixels of few taps again is faster."""
        return self.S <= 3 and MACHINE.registers <= FEW


def if_on_plane(emit: Emitter, u: int, first: ir.Value, end: ir.Value, sums: Vectors,
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
            row = Row(sig.args[0].count, sig.args[1].count, width)
            step = builder.mul(pixel, number(emit.bytes))
            each = [builder.mul(tap, number(s)) for s in range(row.S)]

            def body(sums, place, factor, guarded):  # type: ignore[no-untyped-def]
                here, there = emit.at(source, builder.load(place)), emit.at(w, builder.load(factor))
                taps = [emit.at(there, step) for step in each]
                if row.in_few_registers() and not guarded:
                    sums = row.added_by_taps(emit, sums, here, step, taps)
                else:
                    pixels = _row_of_pixels(emit, here, step, len(row.pixels))
                    weights = [emit.load(place) for place in taps]
                    for u in row.pixels:
                        added = partial(row.added, emit, sums, pixels, weights, u)
                        sums = if_on_plane(emit, u, first, end, sums, added) if guarded else added()
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
                        add = partial(body, guarded=guarded)
                        sums, _, _ = loop(emit, start, places, factors, rows, add)
                        _write(emit, sums, to, rectify, non_temporal)

        choose(builder, args[2], WIDTHS, some)
        return context.get_dummy_value()

    return signature, generate


def opaque(emit: Emitter, pointer: ir.Value) -> ir.Value:
    """The same address, of which the compiler does not know that: what was loaded from it before is
    loaded once more."""
    kind = ir.FunctionType(pointer.type, [pointer.type])
    return emit.builder.asm(kind, "", "=r,0", [pointer], side_effect=False)


def _row_of_pixels(emit: Emitter, here: ir.Value, step: ir.Value, count: int) -> Vectors:
    """Addresses of `count` pixels that are `step` bytes apart.

    Of each five the first has an address in a register, from which the others are 1, 2, 3 and 4
    steps away: an operand in memory adds a register times 1, 2, 4 or 8 to another one.
    """
    builder, byte = emit.builder, ir.IntType(8).as_pointer()
    number = ir.IntType(64)
    offsets = [builder.mul(step, number(k)) for k in range(5)]
    places = list[ir.Value]()
    for u in range(count):
        if u % 5 == 0:
            base = builder.gep(builder.bitcast(here, byte), [builder.mul(step, number(u))])
        place = builder.gep(base, [offsets[u % 5]])
        places.append(builder.bitcast(place, emit.scalar.as_pointer()))
    return places


def _write(emit: Emitter, sums: Vectors, to: Vectors, rectify: ir.Value, bypass: ir.Value) -> None:
    """Store the sums, or max(sums, 0) with `rectify`; past the caches with `bypass`."""
    values = _rectified_if(emit, rectify, sums)
    with emit.builder.if_else(bypass) as (bypassing, storing):
        for branch, put in ((bypassing, emit.stream), (storing, emit.store)):
            with branch:
                for value, place in zip(values, to, strict=True):
                    put(value, place)


def _rectified_if(emit: Emitter, rectify: ir.Value, sums: Vectors) -> Vectors:
    """max(sums, 0) if `rectify`, by one branch for all."""
    builder, before = emit.builder, emit.builder.block
    with builder.if_then(rectify):
        new, there = [emit.rectified(value) for value in sums], builder.block
    chosen = []
    for old, value in zip(sums, new, strict=True):
        phi = builder.phi(emit.vector)
        phi.add_incoming(old, before)
        phi.add_incoming(value, there)
        chosen.append(phi)
    return chosen
