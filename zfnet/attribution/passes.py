"""Forward passes to a unit and backward passes to the pixels, some images at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl import Tensor, device
from minidl.rules import Rules
from zfnet.attribution.targets import Target
from zfnet.experiments.shared.results import Report, silent
from zfnet.inspectable import InspectableGraph


@dataclass(frozen=True, eq=False)
class Question:
    """Units of a network in some images, and how many images may be computed at once.

    images: (N,3,S,S), preprocessed.
    """

    model: InspectableGraph
    images: np.ndarray
    target: Target
    batch_size: int = 16
    report: Report = silent

    def at(self, chosen: np.ndarray) -> Question:
        """The question for these images alone, by their numbers."""
        units = tuple(self.target.units[n] for n in chosen)
        return Question(
            self.model, self.images[chosen], Target(self.target.layer, units), self.batch_size
        )


@dataclass(frozen=True, eq=False)
class Forward:
    """The tape of one forward pass: images x, the layer's activation, the units' indices in it."""

    x: Tensor
    activation: Tensor
    index: tuple[np.ndarray, ...]

    @property
    def values(self) -> np.ndarray:
        """The units' values (N,)."""
        return device.host(self.activation.data[device.index(self.index, self.activation.data)])

    def cotangent(self, values: np.ndarray | float = 1.0) -> np.ndarray:
        """Zero but for these values (N,) at the units."""
        made = np.zeros_like(self.activation.data)
        made[device.index(self.index, made)] = device.like(
            np.broadcast_to(np.asarray(values, made.dtype), len(self.x)).copy(), made
        )
        return made


def forward(question: Question, images: np.ndarray) -> Forward:
    """The images (N,3,S,S), one for each unit of the question, up to the units' layer."""
    model, layer = question.model, question.target.layer
    x = Tensor(device.move(images.astype(model.dtype, copy=False), model.device), True)
    y = model(x) if layer == model.output else model.activations(x, until=layer)[layer]
    layout, shape = model.layout(layer), y.shape[1:]
    at = [(n, *layout.index(shape, u.map, u.p, u.q)) for n, u in enumerate(question.target.units)]
    return Forward(x, y, tuple(np.array(at).T))


def gradients(question: Question, images: np.ndarray, rules: Rules) -> tuple[np.ndarray, ...]:
    """What `rules` make of a 1 at each unit, in the images (N,3,S,S), and the units' values."""
    tape = forward(question, images)
    (gx,) = tape.activation.backward(tape.cotangent(), rules=rules, inputs=[tape.x])
    return gx.numpy(), tape.values


def in_batches(
    question: Question, title: str, step: Callable[[Question], np.ndarray]
) -> np.ndarray:
    """The results of `step` for some images at a time, one after the other."""
    N, found = len(question.images), list[np.ndarray]()
    for first in range(0, N, question.batch_size):
        chosen = np.arange(first, min(first + question.batch_size, N))
        found.append(step(question.at(chosen)))
        question.report(title, int(chosen[-1]) + 1, N)
    return np.concatenate(found)
