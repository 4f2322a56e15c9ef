"""How many blocks to launch. A kernel with a stride loop gives the same result in any number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

ENOUGH = 8192
"""Blocks of 256 threads: several for every place on the largest GPU (132 processors with eight
places each), so that the last ones to run leave few of them idle."""
FEW = 6
"""Threads along an axis where few are asked for; not a divisor of most sizes, so edges are met."""
_most, _most_threads = ENOUGH, 1024


def blocks(count: int, each: int, most: int = ENOUGH) -> int:
    """Blocks for `count` pieces of work, `each` a block; past `most` the stride loop takes on."""
    return max(1, min(-(-count // each), most, _most))


def threads(most: int) -> int:
    """Threads of a block along an axis, for a kernel that works with any number of them."""
    return min(most, _most_threads)


@contextmanager
def few_blocks(most: int) -> Iterator[None]:
    """Within it no grid has more than `most` blocks along an axis, and no block more threads than
    `FEW` where `threads` says how many: so small work strides too, and has edges.

    ValueError if that is no block.
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
