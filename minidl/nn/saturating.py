"""Layers of activation functions that saturate or are gated, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.in_place import InPlace
from minidl.nn.module import Module
from minidl.tensor import Tensor


class SELU(InPlace):
    """F.selu."""

    def function(self, x: Tensor) -> Tensor:
        return F.selu(x)


class CELU(InPlace):
    """F.celu."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.settings: dict[str, Any] = {"alpha": arguments.number(alpha, "CELU: alpha")}

    def function(self, x: Tensor) -> Tensor:
        return F.celu(x, **self.settings)


class Hardtanh(InPlace):
    """F.hardtanh."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.settings: dict[str, Any] = {
            "min_val": arguments.number(min_val, "Hardtanh: min_val"),
            "max_val": arguments.number(max_val, "Hardtanh: max_val"),
        }

    def function(self, x: Tensor) -> Tensor:
        return F.hardtanh(x, **self.settings)


class Softsign(Module):
    """F.softsign."""

    def forward(self, x: Tensor) -> Tensor:
        return F.softsign(x)


class LogSigmoid(Module):
    """F.logsigmoid."""

    def forward(self, x: Tensor) -> Tensor:
        return F.logsigmoid(x)


class GLU(Module):
    """F.glu."""

    def __init__(self, dim: int = -1) -> None:
        self.settings: dict[str, Any] = {"dim": arguments.integer(dim, "GLU: dim")}

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(x, **self.settings)
