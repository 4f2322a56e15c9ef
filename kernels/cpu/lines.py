"""A line of numbers copied or added inside compiled loops, whole vectors first."""

from __future__ import annotations

import numba

from kernels.cpu.vector import add, lanes_of, move


@numba.njit(cache=True, inline="always")
def copy_line(a, at, b, to, count):  # type: ignore[no-untyped-def]
    """b[to..] = the `count` numbers of a from `at` on; a and b are flat, of one type."""
    vector, e = lanes_of(b), 0
    while e + vector <= count:  # a range with a step would divide
        move(a, at + e, b, to + e)
        e += vector
    while e < count:
        b[to + e] = a[at + e]
        e += 1


@numba.njit(cache=True, inline="always")
def add_line(a, at, b, to, count):  # type: ignore[no-untyped-def]
    """b[to..] += the `count` numbers of a from `at` on; a and b are flat, of one type."""
    vector, e = lanes_of(b), 0
    while e + vector <= count:
        add(a, at + e, b, to + e)
        e += vector
    while e < count:
        b[to + e] += a[at + e]
        e += 1
