"""Gradients of a step: of the whole batch at once, as a training in one process computes them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from minidl import Tensor, device
from minidl import functional as F
from zfnet.data import Batch, Loader
from zfnet.network import Network


@dataclass(frozen=True)
class Outcome:
    """Of a step's batch: readable images, mean loss in nats, right answers."""

    images: int
    loss: float
    correct: int


class Step(Protocol):
    """A batch that waits for its step."""

    @property
    def position(self) -> int:
        """Of the batch in its epoch."""
        ...

    @property
    def described(self) -> str:
        """ "128 images of 224x224", for a message."""
        ...

    def gradients(self, seed: int, step: int, checked: Callable[[float], None]) -> Outcome | None:
        """Compute the gradient of the mean loss into the parameters' `.grad`.

        checked: called with the loss, before anything but running statistics is changed.
        None for a batch of which no image can be read: then nothing is changed.
        """
        ...


class Batches(Protocol):
    """The steps of an epoch, one after the other."""

    def steps(self, epoch: int, start: int) -> Generator[Step, None, None]:
        """From the batch at position `start` on; closing it stops the loader's threads."""
        ...


@dataclass(frozen=True, eq=False)
class WholeBatches:
    """Steps of whole batches."""

    network: Network
    loader: Loader

    def steps(self, epoch: int, start: int) -> Generator[Step, None, None]:
        batches = self.loader.epoch(epoch, start)
        try:
            for batch in batches:
                yield _Whole(self.network, batch)
        finally:
            batches.close()


@dataclass(frozen=True, eq=False)
class _Whole:
    network: Network
    batch: Batch

    @property
    def position(self) -> int:
        return self.batch.position

    @property
    def described(self) -> str:
        side = self.batch.images.shape[-1]
        return f"{len(self.batch.images)} images of {side}x{side}"

    def gradients(self, seed: int, step: int, checked: Callable[[float], None]) -> Outcome | None:
        model, labels = self.network.model, self.batch.labels
        model.set_randomness(seed, step)
        logits = model(model.input_tensor(self.batch.images))
        loss = F.cross_entropy(logits, labels)
        value, correct = loss_and_correct(loss, logits, labels)
        checked(value)
        loss.backward()
        return Outcome(len(labels), value, correct)


def loss_and_correct(loss: Tensor, logits: Tensor, labels: np.ndarray) -> tuple[float, int]:
    """The loss and the number of correct answers, in one transfer to the CPU, since every transfer
    waits for the device."""
    right = (logits.data.argmax(axis=1) == device.like(labels, logits.data)).sum()
    both = device.host(np.stack([loss.data, right.astype(loss.dtype)]))
    return float(both[0]), int(both[1])
