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

    def count(self, images: int, loss: float, correct: int, seconds: float) -> None:
        """A step: its images, their mean loss, right answers, and how long it took."""
        self.step += 1
        self.seen += images
        self.loss_sum += loss * images
        self.correct += correct
        self.seconds += seconds

    def trained(self) -> dict[str, float]:
        """The training's part of the epoch's line of the log."""
        return {
            "epoch": self.epoch + 1,
            "train_loss": self.loss_sum / self.seen,
            "train_accuracy": self.correct / self.seen,
        }

    def speed(self) -> dict[str, float]:
        """Images a second and seconds of the epoch's steps, for the log."""
        return {"images_per_second": self.seen / self.seconds, "seconds": self.seconds}

    def progress(self, epochs: int, steps: int) -> Progress:
        """For display; epochs of the run, steps of an epoch."""
        return Progress(
            self.epoch, epochs, self.next_batch, steps, self.loss_sum / self.seen,
            self.correct / self.seen, self.seen / self.seconds,
        )  # fmt: skip

    def next_epoch(self, line: dict[str, float]) -> Position:
        """The beginning of the next epoch, with this one's line of the log."""
        return Position(
            self.epoch + 1, self.step, history=[*self.history, line], processor=self.processor
        )
