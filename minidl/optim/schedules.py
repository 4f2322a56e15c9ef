"""Schedules of the learning rate by epoch and validation error, for the trainer of zfnet.

`minidl.optim.lr_scheduler` has PyTorch's, which change an optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Plateau:
    """Lower the rate by `factor` when the validation error has not fallen for `patience` epochs.

    A fall is an error below the best one so far by more than `threshold`. The paper lowers the rate
    by hand (section 3).
    """

    def __init__(
        self, lr: float, factor: float = 0.1, patience: int = 3, threshold: float = 1e-3
    ) -> None:
        self.lr, self.factor, self.patience, self.threshold = lr, factor, patience, threshold
        self.best = math.inf
        self.bad = 0

    def __call__(self, epoch: float, error: float | None) -> float:
        """The rate after an epoch that ended with `error` (None: before the first)."""
        if error is None:
            return self.lr
        if error < self.best - self.threshold:
            self.best, self.bad = error, 0
        else:
            self.bad += 1
        if self.bad >= self.patience:
            self.lr, self.bad = self.lr * self.factor, 0
        return self.lr

    def state(self) -> dict[str, Any]:
        return {"lr": self.lr, "best": self.best, "bad": self.bad}

    def load(self, state: Mapping[str, Any]) -> None:
        self.lr, self.best, self.bad = state["lr"], float(state["best"]), int(state["bad"])


class Cosine:
    """lr (1 + cos(pi epoch / epochs)) / 2: from lr to 0 along half a cosine."""

    def __init__(self, lr: float, epochs: int) -> None:
        self.lr, self.epochs = lr, epochs

    def __call__(self, epoch: float, error: float | None) -> float:
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(epoch / max(self.epochs, 1), 1.0)))

    def state(self) -> dict[str, Any]:
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore: the rate follows from the epoch alone."""


class Steps:
    """The rate times `factor` at each of the given epochs."""

    def __init__(self, lr: float, at: tuple[int, ...], factor: float = 0.1) -> None:
        self.lr, self.at, self.factor = lr, at, factor

    def __call__(self, epoch: float, error: float | None) -> float:
        return self.lr * self.factor ** sum(epoch >= boundary for boundary in self.at)

    def state(self) -> dict[str, Any]:
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore: the rate follows from the epoch alone."""


Schedule = Plateau | Cosine | Steps
