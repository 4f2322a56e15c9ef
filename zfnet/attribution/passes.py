"""Forward passes to a unit and backward passes to the pixels, some images at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from minidl import Tensor, device, no_grad
from minidl.rules import Rules, gradient
from zfnet.attribution.targets import Target
from zfnet.experiments.shared.results import Report, silent
from zfnet.inspectable import InspectableGraph

Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class Question:
    """Units of a network in some images, and how many images may be computed at once.

    images: (N,3,S,S), preprocessed. bounds: the preprocessed black and white, which broadcast to an
    image; None where they are not known.
    """

    model: InspectableGraph
    images: np.ndarray
    target: Target
    bounds: tuple[np.ndarray, np.ndarray] | None = None
    batch_size: int = 16
    report: Report = silent

    def at(self, chosen: Sequence[int]) -> Question:
        """The question for these images alone, by their numbers, perhaps several times."""
        units = tuple(self.target.units[n] for n in chosen)
        return replace(
            self, images=self.images[list(chosen)], target=replace(self.target, units=units)
        )


@dataclass(frozen=True, eq=False)
class Forward:
    """The tape of one forward pass: images x, the layer's activation, the units' indices in it.

    outputs: of the layers below, by their names; empty where only the layer's was asked for.
    """

    x: Tensor
    activation: Tensor
    index: tuple[np.ndarray, ...]
    outputs: dict[str, Tensor]

    @property
    def values(self) -> np.ndarray:
        """The units' values (N,)."""
        return device.host(self.activation.data[device.index(self.index, self.activation.data)])

    def cotangent(self, values: np.ndarray | float = 1.0) -> np.ndarray:
        """Zero but for these values (N,) at the units."""
        made = np.zeros_like(self.activation.data)
        given = np.broadcast_to(np.asarray(values, made.dtype), len(self.index[0]))
        made[device.index(self.index, made)] = device.like(given.copy(), made)
        return made


def forward(question: Question, images: np.ndarray, *, kept: bool = False) -> Forward:
    """The images (N,3,S,S), one for each unit of the question, up to the units' layer.

    kept: with the outputs of all layers below; without, layers may be fused.
    """
    model, layer = question.model, question.target.layer
    x = Tensor(device.move(images.astype(model.dtype, copy=False), model.device), True)
    outputs: dict[str, Tensor] = {}
    if layer == model.output and not kept:
        y = model(x)
    else:
        outputs = model.activations(x, until=layer)
        y = outputs[layer]
    layout, shape = model.layout(layer), y.shape[1:]
    at = [(n, *layout.index(shape, u.map, u.p, u.q)) for n, u in enumerate(question.target.units)]
    return Forward(x, y, tuple(np.array(at).T), outputs if kept else {})


def values_at(question: Question, images: np.ndarray) -> np.ndarray:
    """The units' values (N,) in these images, without a tape."""
    with no_grad():
        return forward(question, images).values


def gradients(question: Question, images: np.ndarray, rules: Rules = gradient) -> np.ndarray:
    """What `rules` make of a 1 at each unit, in the images (N,3,S,S)."""
    tape = forward(question, images)
    (gx,) = tape.activation.backward(tape.cotangent(), rules=rules, inputs=[tape.x])
    return gx.numpy()


def in_batches(
    question: Question, title: str, step: Callable[[Question], Part]
) -> Iterator[tuple[slice, Part]]:
    """The result of `step` for some images at a time, and which they are.

    Progress is reported where there are several steps.
    """
    N = len(question.images)
    for first in range(0, N, question.batch_size):
        last = min(first + question.batch_size, N)
        yield slice(first, last), step(question.at(range(first, last)))
        if question.batch_size < N:
            question.report(title, last, N)


def of_variants(
    question: Question,
    title: str,
    count: int,
    variants: Callable[[int], Iterator[np.ndarray]],
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(image n, variant j, gradient (3,S,S)) for `count` variants of each image, in order.

    variants: the variants of image n. Images and variants are batched alike.
    """
    N, done = len(question.images), 0
    pairs = [(n, j) for n in range(N) for j in range(count)]
    made = (x for n in range(N) for x in variants(n))
    for first in range(0, len(pairs), question.batch_size):
        some = pairs[first : first + question.batch_size]
        images = np.stack([next(made) for _ in some])
        found = gradients(question.at([n for n, _ in some]), images)
        for (n, j), gx in zip(some, found, strict=True):
            yield n, j, gx
        done += len(some)
        question.report(title, done, len(pairs))
