"""A data set in memory, a network small enough to train within a second, and runs of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zfnet.checkpoint import load_checkpoint
from zfnet.data import BadImage, Preprocess, Truth
from zfnet.model import ZFNet
from zfnet.network import Network
from zfnet.recipe import Recipe
from zfnet.train import Trainer

COLOURS = ("red", "green", "blue")
SIDE, SIZE = 36, 32
# 20 images in batches of 6: 4 steps per epoch, the last one smaller.
RECIPE: dict[str, Any] = {"epochs": 3, "batch_size": 6, "crops": "random", "patience": 1, "seed": 7}


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


def trainer(out: Path, net: Network | None = None, **options: Any) -> Trainer:
    """A run on the pictures; `train` and `val` replace them, other options are the recipe's."""
    train = options.pop("train", Pictures(bad=(3,)))
    val = options.pop("val", Pictures(9, seed=1))
    kept = {k: options.pop(k) for k in ("workers", "strict", "on_step") if k in options}
    recipe = Recipe(**{**RECIPE, **options})
    return Trainer(net or network(), train, val, out, recipe, **kept)


def resumed(out: Path, **options: Any) -> Trainer:
    net, recipe, arrays, state = load_checkpoint(out)
    going_on = Trainer(net, Pictures(bad=(3,)), Pictures(9, seed=1), out, recipe, **options)
    going_on.restore(arrays, state)
    return going_on
