"""Losses as layers of a prediction and a target, named as in PyTorch."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.functional.loss import Labels
from minidl.nn.module import Module
from minidl.tensor import Tensor


class CrossEntropyLoss(Module):
    """F.cross_entropy."""

    def __init__(
        self,
        weight: Labels | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.weight = weight
        self.settings: dict[str, Any] = {
            "ignore_index": arguments.integer(ignore_index, "CrossEntropyLoss: ignore_index"),
            "reduction": reduction,
            "label_smoothing": arguments.number(label_smoothing, "label_smoothing"),
        }  # fmt: skip

    def forward(self, logits: Tensor, labels: Labels) -> Tensor:
        return F.cross_entropy(logits, labels, self.weight, **self.settings)


class NLLLoss(Module):
    """F.nll_loss."""

    def __init__(
        self, weight: Labels | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        self.weight = weight
        self.settings: dict[str, Any] = {
            "ignore_index": arguments.integer(ignore_index, "NLLLoss: ignore_index"),
            "reduction": reduction,
        }

    def forward(self, log_probabilities: Tensor, labels: Labels) -> Tensor:
        return F.nll_loss(log_probabilities, labels, self.weight, **self.settings)


class MSELoss(Module):
    """F.mse_loss."""

    def __init__(self, reduction: str = "mean") -> None:
        self.settings: dict[str, Any] = {"reduction": reduction}

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(x, target, **self.settings)


class L1Loss(MSELoss):
    """F.l1_loss."""

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(x, target, **self.settings)


class BCEWithLogitsLoss(Module):
    """F.binary_cross_entropy_with_logits."""

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        self.weight, self.pos_weight = weight, pos_weight
        self.settings: dict[str, Any] = {"reduction": reduction}

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            x, target, self.weight, pos_weight=self.pos_weight, **self.settings
        )
