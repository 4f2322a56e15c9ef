"""Linear maps on the tape: a convolution or a matrix product by constants, with what is added.

    y = scale (W x + bias) + shift

A bias may be an operand of the convolution or a sum behind it, and a batch normalisation in
inference is a product and a sum behind it. They belong to the map: zennit's canonizer
`SequentialMergeBatchNorm` merges them into its weights too. `Affine` carries them down the tape,
with the relevance, from the last sum to the map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl import functional as F
from minidl.rules import gradient
from minidl.tensor import Node, Tensor

CONVOLUTIONS = ("conv2d", "conv2d_dgrad")
"""A convolution, and a transposed one."""
MAPS = (*CONVOLUTIONS, "conv_relu_pool", "matmul")


class Affine(Tensor):
    """The relevance of y = scale u + shift as that of u, with scale and shift: arrays that
    broadcast to u, or None."""

    __slots__ = ("scale", "shift")

    def __init__(
        self, relevance: np.ndarray, scale: np.ndarray | None, shift: np.ndarray | None
    ) -> None:
        super().__init__(relevance)
        self.scale, self.shift = scale, shift

    @classmethod
    def of_sum(cls, relevance: Tensor, array: np.ndarray, behind: Tensor) -> Affine:
        """Of u in u + array; `behind` is the relevance of the sum."""
        scale, shift = _kept(behind)
        added = array if scale is None else scale * array
        return cls(relevance._array, scale, added if shift is None else shift + added)

    @classmethod
    def of_product(cls, relevance: Tensor, array: np.ndarray, behind: Tensor) -> Affine:
        """Of u in u array; `behind` is the relevance of the product."""
        scale, shift = _kept(behind)
        return cls(relevance._array, array if scale is None else scale * array, shift)


def _kept(relevance: Tensor) -> tuple[np.ndarray | None, np.ndarray | None]:
    return (relevance.scale, relevance.shift) if isinstance(relevance, Affine) else (None, None)


@dataclass(frozen=True, eq=False)
class LinearMap:
    """x -> W x + bias of one node, whose operands are arrays.

    forward:   of x and a weight, without the bias. transposed: of y and a weight.
    bias:      broadcasts to the output; None without one.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None
    forward: Callable[[np.ndarray, np.ndarray], np.ndarray]
    transposed: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def output(
        self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None
    ) -> np.ndarray:
        """W x + bias for these operands."""
        y = self.forward(x, weight)
        return y if bias is None else y + bias


def linear_map(node: Node, relevance: Tensor, needs: tuple[bool, ...]) -> LinearMap:
    """The map of a convolution's or a matrix product's node, with what `relevance` carries."""
    scale, shift = _kept(relevance)
    made = _convolution(node) if node.operation in CONVOLUTIONS else _product(node, needs)
    weight, bias = made.weight, made.bias
    if scale is not None:
        weight = weight * _of_weight(node, channels(scale, node), needs)
        bias = None if bias is None else bias * scale
    if shift is not None:
        bias = shift if bias is None else bias + shift
    return LinearMap(made.x, weight, bias, made.forward, made.transposed)


def _convolution(node: Node) -> LinearMap:
    """Forward and transposed are each other's derivatives: the form is trilinear."""
    x, w, *bias = node.inputs
    other = "conv2d_dgrad" if node.operation == "conv2d" else "conv2d"

    def through(operation: str, moved: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The derivative by the first operand of `operation`'s node, for the cotangent `moved`."""
        step = Node(operation, (x, Tensor(weight)), dict(node.saved))
        made = gradient[operation](step, Tensor(moved), (True, False))[0]
        assert made is not None
        return made._array

    return LinearMap(
        x._array, w._array, bias[0]._array.reshape(-1, 1, 1) if bias else None,  # (K,) -> (K,1,1)
        lambda moved, weight: through(other, moved, weight),
        lambda moved, weight: through(node.operation, moved, weight),
    )  # fmt: skip


def _product(node: Node, needs: tuple[bool, ...]) -> LinearMap:
    a, b = node.inputs
    if needs[0]:
        return LinearMap(
            a._array, b._array, None, _matmul,
            lambda y, w: _summed(_matmul(y, np.swapaxes(w, -1, -2)), a.shape),
        )  # fmt: skip
    return LinearMap(
        b._array, a._array, None, lambda x, w: _matmul(w, x),
        lambda y, w: _summed(_matmul(np.swapaxes(w, -1, -2), y), b.shape),
    )  # fmt: skip


def _matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...,M,K) x (...,K,N) -> (...,M,N)."""
    return F.matmul(Tensor(a), Tensor(b))._array


def _summed(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The sum over axes along which an operand of `shape` was broadcast."""
    return F.sum_to(Tensor(array), shape)._array


def channels(array: np.ndarray, node: Node) -> np.ndarray | None:
    """The numbers (K,) by which each channel of the node's output is scaled, or one (1,); None if
    the array, which broadcasts to the output, has other axes."""
    behind = 2 if node.operation in CONVOLUTIONS else 0  # axes after the channels'
    shape = (1,) * (behind + 1) + array.shape
    before, axis, after = shape[: len(shape) - behind - 1], shape[-behind - 1], shape[-behind:]
    others = before + (after if behind else ())
    return array.reshape(-1) if all(size == 1 for size in others) and axis else None


def _of_weight(node: Node, scale: np.ndarray | None, needs: tuple[bool, ...]) -> np.ndarray:
    """The factors (K,) in a shape that broadcasts to the weight."""
    assert scale is not None
    if node.operation == "conv2d":
        return scale.reshape(-1, 1, 1, 1)  # (K,) -> (K,1,1,1)
    if node.operation == "conv2d_dgrad":
        return _of_transposed(node, scale)
    return scale


def _of_transposed(node: Node, scale: np.ndarray) -> np.ndarray:
    """(C,) -> (K,C/G,1,1): filter k belongs to the group k G / K, whose channels it gives."""
    g = node.saved["geometry"]
    if scale.size == 1:
        return scale.reshape(1, 1, 1, 1)  # (1,) -> (1,1,1,1)
    by_group = scale.reshape(g.groups, 1, -1)  # (C,) -> (G,1,C/G)
    spread = np.broadcast_to(by_group, (g.groups, g.K // g.groups, g.C // g.groups))
    return spread.reshape(g.K, -1, 1, 1)  # (G,K/G,C/G) -> (K,C/G,1,1)
