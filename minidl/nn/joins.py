"""Layers that join branches, or pool whole planes."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Add(Module):
    """The sum of its inputs, which have one shape."""

    def forward(self, *inputs: Tensor) -> Tensor:
        shapes = {x.shape for x in inputs}
        if len(shapes) != 1:
            raise ValueError(f"Add: the shapes {sorted(shapes)} must be one")
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


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
