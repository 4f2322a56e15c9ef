"""How many blocks to launch. A kernel with a stride loop gives the same result in any number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

ENOUGH = 8192
"""Blocks of 256 threads: several for every place on the largest GPU (132 processors with eight
places each), so that the last ones to run leave few of them idle."""
_most = ENOUGH


def blocks(count: int, each: int, most: int = ENOUGH) -> int:
    """Blocks for `count` pieces of work, `each` a block; past `most` the stride loop takes on."""
    return max(1, min(-(-count // each), most, _most))


@contextmanager
def few_blocks(most: int) -> Iterator[None]:
    """Within it no grid has more than `most` blocks along an axis, so small work strides too.

    ValueError if that is none.
    """
    global _most
    if most < 1:
        raise ValueError(f"a grid has at least one block, got {most}")
    before, _most = _most, most
    try:
        yield
    finally:
        _most = before
