"""Hyperbolic tangent in float32, as a quotient of polynomials that vectorises.

    tanh(x) = x P(x^2) / Q(x^2)      for |x| <= 7.9988, where it reaches 1 in float32

P and Q are of degree 6 and 3, minimax in float32, as in Eigen (`generic_fast_tanh_float`) and XLA.
11 multiply-adds and one division an element, against some 10 ns of a call of libm's tanh.
"""

from __future__ import annotations

import numba
import numpy as np

P0, P1, P2, P3, P4, P5, P6 = (
    np.float32(value)
    for value in (
        4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08,
        -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16,
    )
)  # fmt: skip
Q0, Q1, Q2, Q3 = (
    np.float32(value)
    for value in (4.89352518554385e-03, 2.26843463243900e-03,
                  1.18534705686654e-04, 1.19825839466702e-06)
)  # fmt: skip
FAR, ONE = np.float32(7.90531110763549805), np.float32(1)


@numba.njit(cache=True, inline="always")
def tanh32(x):  # type: ignore[no-untyped-def]
    """tanh(x) of a float32; NaN stays NaN, for no comparison holds."""
    x = FAR if x > FAR else -FAR if x < -FAR else x
    s = x * x
    p = (((((P6 * s + P5) * s + P4) * s + P3) * s + P2) * s + P1) * s + P0
    q = ((Q3 * s + Q2) * s + Q1) * s + Q0
    value = x * (p / q)
    return ONE if value > ONE else -ONE if value < -ONE else value
