"""Layers of activation functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.functional.rectifiers import GELU_FORMS
from minidl.nn.in_place import InPlace
from minidl.nn.module import Module
from minidl.tensor import Tensor


class ReLU6(InPlace):
    """F.relu6."""

    def function(self, x: Tensor) -> Tensor:
        return F.relu6(x)


class ELU(InPlace):
    """F.elu."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.settings: dict[str, Any] = {"alpha": arguments.number(alpha, "ELU: alpha")}

    def function(self, x: Tensor) -> Tensor:
        return F.elu(x, **self.settings)


class Softplus(Module):
    """F.softplus."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.settings: dict[str, Any] = {
            "beta": arguments.number(beta, "Softplus: beta"),
            "threshold": arguments.number(threshold, "Softplus: threshold"),
        }

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x, **self.settings)


class SiLU(InPlace):
    """F.silu."""

    def function(self, x: Tensor) -> Tensor:
        return F.silu(x)


class Mish(InPlace):
    """F.mish."""

    def function(self, x: Tensor) -> Tensor:
        return F.mish(x)


class GELU(Module):
    """F.gelu."""

    def __init__(self, approximate: str = "none") -> None:
        self.settings: dict[str, Any] = {
            "approximate": arguments.one_of(approximate, GELU_FORMS, "GELU: approximate")
        }

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(x, **self.settings)


class Hardswish(InPlace):
    """F.hardswish."""

    def function(self, x: Tensor) -> Tensor:
        return F.hardswish(x)


class Hardsigmoid(InPlace):
    """F.hardsigmoid; ONNX has other numbers than PyTorch."""

    def __init__(self, alpha: float = 1 / 6, beta: float = 0.5, *, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.settings: dict[str, Any] = {
            "alpha": arguments.number(alpha, "Hardsigmoid: alpha"),
            "beta": arguments.number(beta, "Hardsigmoid: beta"),
        }

    def function(self, x: Tensor) -> Tensor:
        return F.hardsigmoid(x, **self.settings)


class LogSoftmax(Module):
    """F.log_softmax."""

    def __init__(self, dim: int = -1) -> None:
        self.settings: dict[str, Any] = {"dim": arguments.integer(dim, "LogSoftmax: dim")}

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(x, **self.settings)
