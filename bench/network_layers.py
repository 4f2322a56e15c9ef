"""Whole networks as layers of the benchmark, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.layers import Layer


@dataclass(frozen=True)
class Whole(Layer):
    """ZFNet with one of its normalisations for images of image x image pixels."""

    norm: str
    image: int = 224
    width: float = 1.0
    classes: int = 1000

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        return batch, 3, self.image, self.image

    def smallest(self) -> Self:
        return replace(self, image=64, width=1 / 32, classes=2)


@dataclass(frozen=True)
class Branching(Layer):
    """GoogLeNet for images of image x image pixels."""

    image: int = 224
    width: float = 1.0
    classes: int = 1000

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        return batch, 3, self.image, self.image

    def smallest(self) -> Self:
        return replace(self, image=64)


@dataclass(frozen=True)
class Unit(Whole):
    """The unit in the middle of one layer, `layer`, of such a network."""

    layer: str = "conv5"

    def smallest(self) -> Self:
        """Images larger than the unit's receptive field, as in the full size."""
        return replace(super().smallest(), image=160)


@dataclass(frozen=True)
class Square(Whole):
    """A grey square that slides over images of such a network: its side and stride in pixels."""

    square: int = 32
    stride: int = 8

    def smallest(self) -> Self:
        return replace(super().smallest(), square=32, stride=16)


@dataclass(frozen=True)
class Network(Layer):
    """A published network by its name (`bench/published`), or one in a user's ONNX file.

    file: the file; "" for a published network.
    """

    C: int = 3
    H: int = 224
    W: int = 224
    file: str = ""

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        return batch, self.C, self.H, self.W

    def smallest(self) -> Self:
        """A published network for the smallest images that pass through it; a file as it is."""
        return self if self.file else replace(self, H=SMALLEST, W=SMALLEST)


SMALLEST = 96
"""Pixels: Inception v3 makes one of 75, and none of fewer."""
