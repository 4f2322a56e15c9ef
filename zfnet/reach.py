"""Reach of an operation: from a box of output positions to the input positions that they read.

Every reach maps a box of output places to a box that contains all input places on which any of
them depends. Boxes of sliding windows may extend beyond the plane, by the padding; all others lie
within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kernels.contract.geometry import Box, ConvGeometry, PoolGeometry

Two = tuple[int, int]
NOWHERE = Box(0, 0, 0, 0)


class Reach(Protocol):
    """The dependence of an operation's output on one of its inputs."""

    def below(self, box: Box) -> Box:
        """The places of the input on which the places in `box` of the output depend."""


@dataclass(frozen=True)
class Same:
    """Each place depends on the same place of the input."""

    def below(self, box: Box) -> Box:
        return box


@dataclass(frozen=True)
class Everything:
    """Each place depends on the whole plane (H,W) of the input."""

    plane: Two

    def below(self, box: Box) -> Box:
        return Box(0, self.plane[0], 0, self.plane[1])


@dataclass(frozen=True)
class Nowhere:
    """No place depends on the input."""

    def below(self, box: Box) -> Box:
        return NOWHERE


@dataclass(frozen=True)
class Sliding:
    """A window of a convolution or a pooling."""

    geometry: ConvGeometry | PoolGeometry

    def below(self, box: Box) -> Box:
        return self.geometry.input_box(box)


@dataclass(frozen=True)
class Upsampling:
    """A transposed convolution: the windows of `geometry` that contain a place of its output."""

    geometry: ConvGeometry

    def below(self, box: Box) -> Box:
        g = self.geometry
        return g.output_box(box.clip(g.H, g.W))


@dataclass(frozen=True)
class Tokens:
    """Tokens in a row, of which those from `start` on are an input's: the places of its plane (H,W)
    in row-major order, behind `extra` others."""

    start: int
    plane: Two
    extra: int = 0

    def below(self, box: Box) -> Box:
        H, W = self.plane
        first, last = box.top - self.start - self.extra, box.bottom - self.start - self.extra
        if first < 0 < last + self.extra and self.extra:
            return Box(0, H, 0, W)
        first, last = max(first, 0), min(last, H * W)
        if first >= last:
            return NOWHERE
        top, bottom = first // W, (last - 1) // W
        if top < bottom:
            return Box(top, bottom + 1, 0, W)
        return Box(top, top + 1, first % W, (last - 1) % W + 1)


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis: output i depends on the inputs first[i] to end[i], exclusive; none if they meet."""

    first: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, sources: np.ndarray) -> Axis:
        """Output i is input sources[i]; below 0: no input."""
        return cls(np.maximum(sources, 0), np.where(sources < 0, 0, sources + 1))

    @classmethod
    def whole(cls, outputs: int, inputs: int) -> Axis:
        """Every output depends on all inputs."""
        return cls(np.zeros(outputs, int), np.full(outputs, inputs))

    def below(self, start: int, stop: int) -> Two:
        start, stop = max(start, 0), min(stop, len(self.first))
        first, end = self.first[start:stop], self.end[start:stop]
        some = first < end
        return (int(first[some].min()), int(end[some].max())) if some.any() else (0, 0)


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows and columns each by a table: padding, slices, rolls, resizing, sums along an axis."""

    rows: Axis
    columns: Axis

    def below(self, box: Box) -> Box:
        top, bottom = self.rows.below(box.top, box.bottom)
        left, right = self.columns.below(box.left, box.right)
        return Box(top, bottom, left, right) if top < bottom and left < right else NOWHERE


def hull(a: Box | None, b: Box) -> Box:
    """The smallest box that contains both; boxes without places count for nothing."""
    if a is None or is_empty(a):
        return b
    if is_empty(b):
        return a
    return Box(
        min(a.top, b.top), max(a.bottom, b.bottom), min(a.left, b.left), max(a.right, b.right)
    )


def is_empty(box: Box) -> bool:
    """Whether the box has no places."""
    return min(box.shape) <= 0
