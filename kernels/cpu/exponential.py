"""Exponential function in float32, by a polynomial that vectorises.

    e^x = 2^n e^r,    n = round(x / log 2),    |r| <= log(2) / 2        (Cody and Waite 1980)

log 2 is subtracted in two parts, of which the first has 9 bits, so that n times it is exact. The
polynomial is Cephes' (Moshier 1989), of degree 7 in r. n is rounded by adding 1.5 2^23, after which
the number's last bits are n: no conversion of a NaN to an integer, whose result is undefined. 2^n
is the product of two powers, so that results below the smallest normal number are rounded once.

8 multiply-adds an element, against some 5 ns of a call of libm's exp. Of the polynomial's result
between 0.7 and 1.42, r's rounding, the polynomial's and the last additions' are at most 1.5 eps.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.cpu.bits import bits_of, with_bits

LOG2E, HIGH, LOW = np.float32(np.log2(np.e)), np.float32(0.693359375), np.float32(-2.12194440e-4)
C7, C6, C5, C4, C3, C2 = (
    np.float32(value)
    for value in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
        4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
    )
)  # fmt: skip
ROUNDER, ROUNDER_BITS = np.float32(1.5 * 2**23), np.int32(0x4B400000)
MOST, LEAST = np.float32(89), np.float32(-104)
"""Beyond them e^x is infinite, or 0."""
ONE = np.float32(1)
BIAS, MANTISSA, BIT = np.int32(127), np.int32(23), np.int32(1)


@numba.njit(cache=True, inline="always")
def power_of_two32(n):  # type: ignore[no-untyped-def]
    """2^n of an int32 from -126 to 127."""
    return with_bits(np.int32((n + BIAS) << MANTISSA))


@numba.njit(cache=True, inline="always")
def _fraction(x, n):  # type: ignore[no-untyped-def]
    """e^r - 1 of r = x - n log 2."""
    r = (x - n * HIGH) - n * LOW
    p = ((((C7 * r + C6) * r + C5) * r + C4) * r + C3) * r + C2
    return p * (r * r) + r


@numba.njit(cache=True, inline="always")
def exp32(x):  # type: ignore[no-untyped-def]
    """e^x of a float32; NaN stays NaN, for no comparison holds."""
    x = MOST if x > MOST else LEAST if x < LEAST else x
    shifted = x * LOG2E + ROUNDER
    k = np.int32(bits_of(shifted) - ROUNDER_BITS)
    half = np.int32(k >> BIT)
    fraction = _fraction(x, shifted - ROUNDER) + ONE
    return fraction * power_of_two32(half) * power_of_two32(np.int32(k - half))


@numba.njit(cache=True, inline="always")
def expm1_32(x):  # type: ignore[no-untyped-def]
    """e^x - 1 of a float32 that is at most 0, relative to the result: 2^n (e^r - 1) + (2^n - 1)."""
    x = LEAST if x < LEAST else x
    shifted = x * LOG2E + ROUNDER
    k = np.int32(bits_of(shifted) - ROUNDER_BITS)
    half = np.int32(k >> BIT)
    power = power_of_two32(half) * power_of_two32(np.int32(k - half))
    return _fraction(x, shifted - ROUNDER) * power + (power - ONE)
