"""Copy and addition of contiguous runs inside compiled loops, whole vectors first."""

from __future__ import annotations

from kernels.contract.compilation import inlined
from kernels.cpu.vector import add, lanes_of, move


@inlined
def copy_run(a, at, b, to, count):  # type: ignore[no-untyped-def]
    """b[to : to + count] = a[at : at + count]; a and b are flat, of one dtype."""
    vector, e = lanes_of(b), 0
    while e + vector <= count:  # a range with a step would divide
        move(a, at + e, b, to + e)
        e += vector
    while e < count:
        b[to + e] = a[at + e]
        e += 1


@inlined
def add_run(a, at, b, to, count):  # type: ignore[no-untyped-def]
    """b[to : to + count] += a[at : at + count]; a and b are flat, of one dtype."""
    vector, e = lanes_of(b), 0
    while e + vector <= count:
        add(a, at + e, b, to + e)
        e += vector
    while e < count:
        b[to + e] += a[at + e]
        e += 1
