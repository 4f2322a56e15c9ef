"""Fixed binary tree over the shards of a batch, in whose order their gradients are added.

A node (lo, hi) stands for the sum of the shards lo to hi - 1. It is the sum of its left child, of
the largest power of two of shards that is less than hi - lo, and of its right child. Processes have
ranges of shards; a process adds the nodes that lie in its range, `maximal`, and whoever has all of
these can `total` the root. Floating-point sums depend on their order, and this order depends on the
number of shards alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

Node = tuple[int, int]
Sum = TypeVar("Sum")


def children(node: Node) -> tuple[Node, Node]:
    """The two halves of a node of at least two shards."""
    lo, hi = node
    middle = lo + (1 << ((hi - lo - 1).bit_length() - 1))
    return (lo, middle), (middle, hi)


def maximal(shards: int, within: range) -> list[Node]:
    """The largest nodes of the tree whose shards all lie in a range, from left to right."""
    found: list[Node] = []
    open_nodes: list[Node] = [(0, shards)]
    while open_nodes:
        lo, hi = node = open_nodes.pop()
        if within.start <= lo and hi <= within.stop:
            found.append(node)
        elif lo < within.stop and within.start < hi:
            left, right = children(node)
            open_nodes += [right, left]
    return found


def total(node: Node, known: Mapping[Node, Sum], add: Callable[[Sum, Sum], Sum]) -> Sum:
    """The sum of a node from those of nodes below it, `known`."""
    if node in known:
        return known[node]
    left, right = children(node)
    return add(total(left, known, add), total(right, known, add))


def own_shards(shards: int, size: int, rank: int) -> range:
    """The shards of a process: consecutive ones, as many as the others have, or one more."""
    return range(shards * rank // size, shards * (rank + 1) // size)


def depth(node: Node) -> int:
    """Levels of the tree below a node."""
    return (node[1] - node[0] - 1).bit_length()
