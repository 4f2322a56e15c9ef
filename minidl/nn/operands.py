"""Layers with a constant operand: the sum and the product with an array of one image's shape."""

from __future__ import annotations

import numpy as np

from minidl.functional import arguments
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class Scale(Module):
    """x (N,...) times weight, which broadcasts to the shape of one image."""

    def __init__(self, weight: np.ndarray) -> None:
        arguments.array(weight, "Scale: weight")
        self.weight = Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return _checked("Scale", x, x * self.weight)


class Shift(Module):
    """x (N,...) plus weight, which broadcasts to the shape of one image: an embedding of places."""

    def __init__(self, weight: np.ndarray) -> None:
        arguments.array(weight, "Shift: weight")
        self.weight = Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return _checked("Shift", x, x + self.weight)


def _checked(kind: str, x: Tensor, y: Tensor) -> Tensor:
    """y, which must not have more axes than x: the batch stays the first."""
    if y.ndim != x.ndim:
        raise ValueError(f"{kind}: the weight has more axes than the input {x.shape}")
    return y
