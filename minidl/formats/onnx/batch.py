"""Batch axis of an ONNX activation that is not the first one, moved to the front.

A network computes each image for itself. So every layer here has the images as its first axis,
and what a file computes with the batch elsewhere is the same per image:

    in the file            of one image      the layer's output
    (N, 196, 768)          (1, 196, 768)     (N, 196, 768)
    (196, N, 768)          (196, 1, 768)     (N, 196, 768)      tokens first, as in attention
    (64 N, 49, 96)         (64, 49, 96)      (N, 64, 49, 96)    windows of each image
    (N 12, 196, 64)        (12, 196, 64)     (N, 12, 196, 64)   heads of each image
    (196 N, 768)           (196, 768)        (N, 196, 768)      tokens of all images as rows

An axis of the file is outer * N * inner long, and one that is the batch alone has no other axis
behind the first in the layer's output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.formats.onnx.sizes import Size, multiple


@dataclass(frozen=True)
class Batch:
    """The place of the images: axis number `axis` of the file's shape has outer * N * inner."""

    axis: int = 0
    outer: int = 1
    inner: int = 1

    @property
    def rows(self) -> int:
        """The size of the axis for one image."""
        return self.outer * self.inner


FRONT = Batch()
"""The batch in front, alone."""


@dataclass(frozen=True)
class Activation:
    """A value computed from the image: its layer, its shape for one image as the file has it, and
    the batch's place in it."""

    layer: str
    shape: tuple[int, ...]
    batch: Batch = FRONT

    @property
    def own(self) -> tuple[int, ...]:
        """The shape of one image in the layer's output, which is (N, *own)."""
        return own(self.shape, self.batch)

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The shape in the file, with the batch as a `Size`."""
        at = self.batch.axis
        return (*self.shape[:at], Size(0, self.batch.rows), *self.shape[at + 1 :])

    def place(self, axis: int) -> int:
        """The axis of the layer's output for an axis of the file; never the batch's.

        ValueError for an axis that does not exist or has the images.
        """
        axes = len(self.shape)
        if not -axes <= axis < axes or axis % axes == self.batch.axis:
            raise ValueError(
                f"axis {axis} of its input {self.shape} is the batch's, or there is none; images "
                "are computed each for itself"
            )
        return place(axis % axes, self.batch)


def own(shape: Sequence[int], batch: Batch) -> tuple[int, ...]:
    """The shape behind the batch: without its axis, where that has the images alone."""
    if batch.rows > 1:
        return tuple(shape)
    return (*shape[: batch.axis], *shape[batch.axis + 1 :])


def place(axis: int, batch: Batch) -> int:
    """The axis of the layer's output for axis number `axis` >= 0 of the file."""
    return axis + 1 if batch.rows > 1 or axis < batch.axis else axis


def in_file(own_shape: Sequence[int], batch: Batch) -> tuple[int, ...]:
    """The inverse of `own`: the file's shape for one image."""
    if batch.rows > 1:
        return tuple(own_shape)
    return (*own_shape[: batch.axis], 1, *own_shape[batch.axis :])


def reshaped(
    source: Activation, target: Sequence[Any], written: int | None = None
) -> tuple[tuple[int, ...], Batch]:
    """The target of a Reshape for one image, and the batch's place in it.

    target: sizes, `Size`s, and perhaps one -1. written: the batch for which a target without any
    `Size` was written; None if it is for any. ValueError if the images would not stay together.
    """
    images = written or 1
    found = [at for at, size in enumerate(target) if isinstance(size, Size)]
    if len(found) > 1:
        raise ValueError(f"its target {_shown(target)} has the batch on several axes")
    single = [multiple(size) or int(size) for size in target]
    count = math.prod(source.shape) * (1 if found else images)
    single = _without_rest(single, count, source, target)
    candidates = found or _candidates(target, written)
    places = []
    for at in candidates:
        size = single[at] if found else single[at] // images
        batch = _at(source, (*single[:at], size, *single[at + 1 :]), at)
        if batch is not None and (found or single[at] % images == 0):
            places.append((batch.rows, at, batch))
    if not places:
        raise ValueError(
            f"its target {_shown(target)} for one image of {source.shape} does not keep the images "
            "apart, or the number of values"
        )
    # In a file for one image several axes may fit. The last one has features, hardly the images.
    last = len(single) - 1
    rows, at, batch = min(places, key=lambda each: (each[1] == last and each[0] > 1, *each[:2]))
    return (*single[:at], rows, *single[at + 1 :]), batch


def _candidates(target: Sequence[Any], written: int | None) -> Sequence[int]:
    """The axes that may have the batch, in a target without any `Size`."""
    # For any batch -1 is what depends on it; but a leading 1 is a batch of one image.
    rest = [at for at, size in enumerate(target) if size == -1]
    return rest if written is None and rest and target[0] != 1 else range(len(target))


def _without_rest(
    single: list[int], count: int, source: Activation, target: Sequence[Any]
) -> list[int]:
    """The sizes with -1 replaced by what is left of `count` values."""
    if -1 not in single:
        return single
    known = math.prod(size for size in single if size != -1)
    if single.count(-1) > 1 or known < 1 or count % known:
        raise ValueError(
            f"its target {_shown(target)} does not divide the {count} values of {source.shape}"
        )
    return [count // known if size == -1 else size for size in single]


def _at(source: Activation, target: Sequence[int], at: int) -> Batch | None:
    """The batch on axis `at` of the target, if as many values are before and behind it."""
    axis = source.batch.axis
    before = math.prod(source.shape[:axis]) * source.batch.outer
    behind = math.prod(source.shape[axis + 1 :]) * source.batch.inner
    first, last = math.prod(target[:at]), math.prod(target[at + 1 :])
    if first < 1 or last < 1 or before % first or behind % last:
        return None
    batch = Batch(at, before // first, behind // last)
    return batch if batch.rows == target[at] else None


def _shown(target: Sequence[Any]) -> str:
    return f"({', '.join(map(str, target))})"
