"""A data set in memory and a network small enough to train within a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from zfnet.data import BadImage, Preprocess, Truth
from zfnet.model import ZFNet
from zfnet.network import Network

COLOURS = ("red", "green", "blue")
SIDE, SIZE = 36, 32


class Pictures:
    """Noise, (36,36,3), in which the class's colour is brighter; those in `bad` cannot be read."""

    name = "memory"

    def __init__(
        self,
        count: int = 20,
        *,
        seed: int = 0,
        bad: tuple[int, ...] = (),
        classes: tuple[str, ...] = COLOURS,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.images = rng.integers(0, 200, (count, SIDE, SIDE, 3), dtype=np.uint8)
        self.images[np.arange(count), :, :, np.arange(count) % 3] += 55
        self.classes, self.bad = classes, bad

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> np.ndarray:
        if index in self.bad:
            raise BadImage(self.title(index), "torn")
        return self.images[index]

    def label(self, index: int) -> int:
        return index % len(self.classes)

    def title(self, index: int) -> str:
        return f"{index}.png"

    def truth(self, index: int) -> Truth | None:
        return None


def network(seed: int = 0, classes: tuple[str, ...] = COLOURS, **options: Any) -> Network:
    """A ZFNet of 32x32 pixels whose mean image, of whole numbers, differs from pixel to pixel."""
    settings = {
        "width": 0.03, "strides": (2, 1), "pool5_padding": 1, "hidden": (8, 6), "init": "he",
    }  # fmt: skip
    model = ZFNet(len(classes), SIZE, seed=seed, **{**settings, **options})
    mean = np.random.default_rng(9).integers(110, 140, (3, SIDE, SIDE)).astype(np.float32)
    return Network(model, Preprocess(SIZE, SIDE, mean), classes, "memory")


def centre(image: np.ndarray) -> np.ndarray:
    """The pixels of the centre crop, (32,32,3) uint8."""
    return image[2:34, 2:34]
