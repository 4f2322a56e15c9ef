"""Layers that join branches, or pool whole planes."""

from __future__ import annotations

from functools import reduce
from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Add(Module):
    """The sum of its inputs, which broadcast."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return reduce(F.add, inputs)


class Subtract(Module):
    """The first input minus the second; they broadcast."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.subtract(a, b)


class Multiply(Module):
    """The product of its inputs, elementwise; they broadcast."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return reduce(F.multiply, inputs)


class Divide(Module):
    """The first input over the second, elementwise; they broadcast."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.divide(a, b)


class Maximum(Module):
    """The elementwise maximum of its inputs, which broadcast."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return reduce(F.maximum, inputs)


class Minimum(Module):
    """The elementwise minimum of its inputs, which broadcast."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return reduce(F.minimum, inputs)


class MatMul(Module):
    """The matrix product of the last two axes of its inputs, for batches that broadcast."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.matmul(a, b)


class Where(Module):
    """The second input where the first is not 0, else the third; they broadcast."""

    def forward(self, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return F.where(condition._array != 0, a, b)


class Concatenate(Module):
    """The concatenation of its inputs along `axis`."""

    def __init__(self, axis: int = 1) -> None:
        self.settings: dict[str, Any] = {"axis": arguments.integer(axis, "Concatenate: axis")}

    def forward(self, *inputs: Tensor) -> Tensor:
        return F.concatenate(inputs, **self.settings)


class GlobalAvgPool2d(Module):
    """The mean of each plane: (N,C,H,W) -> (N,C,1,1)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, x.shape[2:])


class GlobalMaxPool2d(Module):
    """The maximum of each plane: (N,C,H,W) -> (N,C,1,1)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, x.shape[2:])
