"""Part of the tape between some inputs and an output, as the rules of relevance ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.relevance.linear_maps import CONVOLUTIONS, MAPS, channels
from minidl.tensor import Node, Tensor

AFFINE = ("add", "subtract", "multiply", "divide")
"""Operations that, with a constant operand, can be merged into a linear map below them."""


class Tape:
    """Which tensors depend on the inputs, and which have a linear map between the inputs and them.

    A tensor's key is its node, or itself if it is a leaf, as in the backward pass.
    """

    def __init__(self, output: Tensor, inputs: Sequence[Tensor]) -> None:
        self._dependent: set[Any] = {t.node or t for t in inputs}
        self._mapped = set[Any]()
        for node in _nodes(output):
            below = [key for key in node.keys if key in self._dependent]
            if below:
                self._dependent.add(node)
            if any(key in self._mapped for key in below) or self.is_map(node):
                self._mapped.add(node)

    def is_map(self, node: Node) -> bool:
        """Whether the node is a convolution or a matrix product of one operand by constants."""
        return node.operation in MAPS and self.varying(node) is not None

    def is_first(self, node: Node, operand: int) -> bool:
        """Whether a map of this operand is a first layer: no map is between the inputs and it."""
        return node.keys[operand] not in self._mapped

    def varying(self, node: Node) -> int | None:
        """The one operand that depends on the inputs; None if none does, or several do."""
        own = [i for i, key in enumerate(node.keys) if key in self._dependent]
        return own[0] if len(own) == 1 else None

    def map_below(self, node: Node, operand: int) -> Node | None:
        """The linear map that gives the operand, perhaps times constants, plus constants."""
        key, moved = node.keys[operand], False
        while isinstance(key, Node) and not self.is_map(key):
            own = self.varying(key)
            if own is None or key.operation not in (*AFFINE, "reshape"):
                return None
            if key.operation == "divide" and own == 1:
                return None
            moved = moved or key.operation == "reshape"
            key = key.keys[own]
        if not isinstance(key, Node) or key.operation == "conv_relu_pool":
            return None
        return None if moved and key.operation in CONVOLUTIONS else key

    def takes_factor(self, array: np.ndarray, node: Node, operand: int) -> bool:
        """Whether `array`, a factor of the operand, can be merged into what gives the operand: the
        weights of a linear map, or a sum that it makes a mean."""
        key = node.keys[operand]
        if isinstance(key, Node) and key.operation == "sum":
            return array.size == 1
        found = self.map_below(node, operand)
        if found is None or channels(array, found) is None:
            return False
        return found.operation in CONVOLUTIONS or (
            self.varying(found) == 0 and found.inputs[1].ndim == 2
        )


def _nodes(output: Tensor) -> list[Node]:
    """The nodes from which the output was computed, each after its inputs."""
    seen, stack = set[Node](), [output.node] if output.node else []
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(key for key in node.keys if isinstance(key, Node))
    return sorted(seen, key=lambda node: node.order)
