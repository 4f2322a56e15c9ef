"""Layers of activation functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.functional.rectifiers import GELU_FORMS
from minidl.nn.module import Module
from minidl.tensor import Tensor


class ReLU6(Module):
    """F.relu6."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x)


class ELU(Module):
    """F.elu."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.settings: dict[str, Any] = {"alpha": arguments.number(alpha, "ELU: alpha")}

    def forward(self, x: Tensor) -> Tensor:
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


class SiLU(Module):
    """F.silu."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x)


class Mish(Module):
    """F.mish."""

    def forward(self, x: Tensor) -> Tensor:
        return F.mish(x)


class GELU(Module):
    """F.gelu."""

    def __init__(self, approximate: str = "none") -> None:
        self.settings: dict[str, Any] = {
            "approximate": arguments.one_of(approximate, GELU_FORMS, "GELU: approximate")
        }

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(x, **self.settings)


class Hardswish(Module):
    """F.hardswish."""

    def forward(self, x: Tensor) -> Tensor:
        return F.hardswish(x)


class Hardsigmoid(Module):
    """F.hardsigmoid; ONNX has other numbers than PyTorch."""

    def __init__(self, alpha: float = 1 / 6, beta: float = 0.5) -> None:
        self.settings: dict[str, Any] = {
            "alpha": arguments.number(alpha, "Hardsigmoid: alpha"),
            "beta": arguments.number(beta, "Hardsigmoid: beta"),
        }

    def forward(self, x: Tensor) -> Tensor:
        return F.hardsigmoid(x, **self.settings)


class LogSoftmax(Module):
    """F.log_softmax."""

    def __init__(self, dim: int = -1) -> None:
        self.settings: dict[str, Any] = {"dim": arguments.integer(dim, "LogSoftmax: dim")}

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(x, **self.settings)
