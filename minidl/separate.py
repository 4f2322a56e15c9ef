"""Gradients in memory of their own: a gradient is copied where its memory is another array's too.

Rules return views where they can: a sum's cotangent is the same for both terms, that of a slice, a
transpose or a broadcast is a view. Between nodes nobody writes into them. A gradient that is handed
out may be scaled in place, so it must not be a part of another one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.tensor import Tensor, record
from minidl.versions import base_of


class Separate:
    """The arrays whose memory is taken: the cotangent of the pass, then each gradient.

    Arrays of two owners share nothing. Views of one owner are compared by their bounds: where these
    overlap without a common element, one of the two is copied without need.
    """

    def __init__(self, *taken: Any) -> None:
        self._taken: dict[int, list[Any]] = {}
        for array in taken:
            self._take(array)

    def own(self, gradient: Tensor, *others: Any) -> Tensor:
        """The gradient in memory that nothing taken and none of `others` has a part in, and that
        may be written to."""
        data = gradient._array
        owner = _owner(data)
        near = self._taken.get(owner, []) + [other for other in others if _owner(other) == owner]
        if not _is_writable(data) or (near and any(_may_share(data, other) for other in near)):
            data = data.copy(order="K")
            gradient = _in_place_of(gradient, data)
        self._take(data)
        return gradient

    def _take(self, array: Any) -> None:
        self._taken.setdefault(_owner(array), []).append(array)


def _in_place_of(tensor: Tensor, data: Any) -> Tensor:
    """A tensor of the same place on the tape with other memory."""
    if tensor.requires_grad and tensor.node is None:  # a leaf: the copy is a step of its own
        return record("reshape", data, (tensor,))
    other = Tensor(data, tensor.requires_grad)
    other.node = tensor.node
    return other


def _owner(array: Any) -> int:
    """The identity of the object that the array's memory belongs to: itself if it is no view."""
    base = base_of(array)
    while isinstance(base, np.ndarray):
        array, base = base, base_of(base)
    return id(array if base is None else base)


def _may_share(a: Any, b: Any) -> bool:
    """True if the bounds of two arrays overlap, or both are one array without elements."""
    return a is b or type(a) is not type(b) or bool(np.may_share_memory(a, b))


def _is_writable(array: Any) -> bool:
    """False for a read-only array, as broadcasting makes them, and one that repeats elements."""
    strides = array.strides
    repeats = 0 in strides and any(
        s == 0 and n > 1 for n, s in zip(array.shape, strides, strict=True)
    )
    return not repeats and getattr(array.flags, "writeable", True)
