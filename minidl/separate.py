"""Gradients in memory of their own: a gradient is copied where its memory is another array's too.

Rules return views where they can: a sum's cotangent is the same for both terms, that of a slice, a
transpose or a broadcast is a view. Between nodes nobody writes into them. A gradient that is handed
out may be scaled in place, so it must not be a part of another one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from kernels.contract.arrays import address
from minidl.tensor import Tensor, record


class Separate:
    """Bytes that are taken, as disjoint intervals [low, high) in order.

    Two views of one array without a common element may have a common interval: then one of them is
    copied without need.
    """

    def __init__(self) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []

    def take(self, array: Any) -> bool:
        """Mark the array's bytes as taken; return whether all of them were free."""
        low, high = _interval(array)
        first, last = bisect_right(self._highs, low), bisect_left(self._lows, high)
        free = first >= last
        if not free:
            low, high = min(low, self._lows[first]), max(high, self._highs[last - 1])
        if low < high:
            self._lows[first:last], self._highs[first:last] = [low], [high]
        return free

    def own(self, gradient: Tensor) -> Tensor:
        """The gradient in memory that was free, is now taken, and may be written to."""
        if self.take(gradient.data) and _is_writable(gradient.data):
            return gradient
        copied = gradient.data.copy(order="K")
        self.take(copied)
        return _in_place_of(gradient, copied)


def _in_place_of(tensor: Tensor, data: Any) -> Tensor:
    """A tensor of the same place on the tape with other memory."""
    if tensor.requires_grad and tensor.node is None:  # a leaf: the copy is a step of its own
        return record("reshape", data, (tensor,))
    other = Tensor(data, tensor.requires_grad)
    other.node = tensor.node
    return other


def _interval(array: Any) -> tuple[int, int]:
    """The array's first byte, and the one after its last."""
    low = high = address(array)
    if not array.size:
        return low, low
    for size, stride in zip(array.shape, array.strides, strict=True):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + array.itemsize


def _is_writable(array: Any) -> bool:
    """False for a broadcast, whose elements share memory, and for a read-only array."""
    repeats = any(s == 0 and n > 1 for n, s in zip(array.shape, array.strides, strict=True))
    return not repeats and getattr(array.flags, "writeable", True)
