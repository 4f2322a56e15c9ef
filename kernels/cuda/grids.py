"""Grid and block sizes of kernels with grid-stride loops, whose result depends on neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

ENOUGH = 8192
"""Blocks of 256 threads: several for every block slot of the largest GPU (132 multiprocessors with
eight slots each), so that the last blocks to run leave few slots idle."""
FEW = 6
"""Threads along an axis under `few_blocks`; it divides few sizes, so edges are tested."""
_most, _most_threads = ENOUGH, 1024


def blocks(count: int, each: int, most: int = ENOUGH) -> int:
    """Blocks for `count` items, `each` a block; beyond `most` the grid-stride loop continues."""
    return max(1, min(-(-count // each), most, _most))


def threads(most: int) -> int:
    """Threads of a block along an axis, for a kernel that works with any number of them."""
    return min(most, _most_threads)


@contextmanager
def few_blocks(most: int) -> Iterator[None]:
    """Context in which a grid has at most `most` blocks along an axis, and `threads` gives at most
    `FEW`: then small arrays exercise the grid-stride loops and the edges too.

    ValueError if `most` is below 1.
    """
    global _most, _most_threads
    if most < 1:
        raise ValueError(f"a grid has at least one block, got {most}")
    before = _most, _most_threads
    _most, _most_threads = most, FEW
    try:
        yield
    finally:
        _most, _most_threads = before
