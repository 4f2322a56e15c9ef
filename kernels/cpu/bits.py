"""Bits of floating-point numbers as integers, and back, in compiled code."""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.extending import intrinsic

_PAIRS: dict[Any, Any] = {types.float32: types.int32, types.float64: types.int64}


def _bits_of(typingctx, x):  # type: ignore[no-untyped-def]
    """The bits of a float32 as an int32, of a float64 as an int64."""
    bits = _PAIRS[x]

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], ir.IntType(bits.bitwidth))

    return bits(x), generate


def _with_bits(typingctx, bits):  # type: ignore[no-untyped-def]
    """The float32 with the bits of an int32, the float64 with those of an int64."""
    single = bits == types.int32

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], ir.FloatType() if single else ir.DoubleType())

    return (types.float32 if single else types.float64)(bits), generate


def _ordered(typingctx, x):  # type: ignore[no-untyped-def]
    """An integer that is larger for a larger number; of a positive NaN, larger than infinity's.

    The bits, of a negative number all but the sign inverted. Comparisons of integers vectorise in
    the search for a maximum, those of floats do not, for a NaN's are all false.
    """
    bits = _PAIRS[x]

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        kind = ir.IntType(bits.bitwidth)
        plain = builder.bitcast(args[0], kind)
        negative = builder.ashr(plain, kind(bits.bitwidth - 1))
        return builder.xor(plain, builder.lshr(negative, kind(1)))

    return bits(x), generate


def _from_ordered(typingctx, bits):  # type: ignore[no-untyped-def]
    """The number of which `ordered` is `bits`."""
    single = bits == types.int32

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        kind = ir.IntType(bits.bitwidth)
        negative = builder.ashr(args[0], kind(bits.bitwidth - 1))
        plain = builder.xor(args[0], builder.lshr(negative, kind(1)))
        return builder.bitcast(plain, ir.FloatType() if single else ir.DoubleType())

    return (types.float32 if single else types.float64)(bits), generate


bits_of: Any = intrinsic(_bits_of)
with_bits: Any = intrinsic(_with_bits)
ordered: Any = intrinsic(_ordered)
from_ordered: Any = intrinsic(_from_ordered)


@numba.njit(cache=True)
def largest(x, at, count):  # type: ignore[no-untyped-def]
    """The maximum of x[at : at + count], at least one element of a flat array; a NaN, if there is a
    positive one."""
    most = ordered(x[at])
    for i in range(1, count):
        here = ordered(x[at + i])
        most = here if here > most else most
    return from_ordered(most)
