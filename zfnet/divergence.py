"""Divergence of a training: a loss or a weight that is no longer finite."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zfnet.checkpoint import CHECKPOINT
from zfnet.inspectable import InspectableGraph
from zfnet.training_state import Diverged, Position


@dataclass(frozen=True)
class Watch:
    """What is looked at before a step changes weights, and before a checkpoint keeps them.

    at: where the run in `out` is, at the learning rate `lr`.
    """

    out: Path
    at: Position
    lr: float

    def require_finite(self, loss: float) -> None:
        """Diverged unless the loss is finite."""
        if not math.isfinite(loss):
            raise self._diverged(f"the loss is {loss}")

    def require_finite_weights(self, model: InspectableGraph) -> None:
        """Diverged unless all weights and running statistics are finite."""
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if not np.isfinite(tensor.data).all():
                raise self._diverged(f"{name} is no longer finite")

    def _diverged(self, what: str) -> Diverged:
        file = self.out / CHECKPOINT
        kept = f"the state in {file} is good" if file.is_file() else "nothing was saved yet"
        return Diverged(
            f"{what} at step {self.at.step + 1}, in epoch {self.at.epoch + 1}, at the learning "
            f"rate {self.lr:g}; try a smaller one ({kept})"
        )
