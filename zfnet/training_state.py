"""State of a training: its position, its progress for display, and its divergence."""

from __future__ import annotations

from dataclasses import dataclass, field


class Diverged(ValueError):
    """The loss or a weight is no longer finite."""


@dataclass
class Progress:
    """The progress of a training, for display."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images_per_second: float


@dataclass
class Position:
    """The position of a training, and the running sums of its epoch.

    processor: seconds of all cores since the run began, over all its processes.
    """

    epoch: int = 0
    step: int = 0
    next_batch: int = 0
    seen: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
