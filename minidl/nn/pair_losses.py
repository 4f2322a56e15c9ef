"""Losses of two tensors of one shape, and the angle between vectors, as layers."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.losses import MSELoss
from minidl.nn.module import Module
from minidl.tensor import Tensor


class SmoothL1Loss(Module):
    """F.smooth_l1_loss."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        self.settings: dict[str, Any] = {
            "reduction": reduction, "beta": arguments.number(beta, "SmoothL1Loss: beta"),
        }  # fmt: skip

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(x, target, **self.settings)


class HuberLoss(Module):
    """F.huber_loss."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.settings: dict[str, Any] = {
            "reduction": reduction, "delta": arguments.number(delta, "HuberLoss: delta"),
        }  # fmt: skip

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(x, target, **self.settings)


class BCELoss(MSELoss):
    """F.binary_cross_entropy."""

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = weight

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(x, target, self.weight, **self.settings)


class KLDivLoss(Module):
    """F.kl_div."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self.settings: dict[str, Any] = {"reduction": reduction, "log_target": log_target}

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(x, target, **self.settings)


class CosineSimilarity(Module):
    """F.cosine_similarity."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.settings: dict[str, Any] = {
            "dim": arguments.integer(dim, "CosineSimilarity: dim"),
            "eps": arguments.number(eps, "CosineSimilarity: eps"),
        }

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.cosine_similarity(a, b, **self.settings)
