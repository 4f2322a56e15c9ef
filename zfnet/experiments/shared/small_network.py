"""A small ZFNet for 56-pixel crops of drawn scenes, its training recipe and its initial state."""

from __future__ import annotations

from zfnet.data import Dataset, Preprocess, mean_image
from zfnet.model import ConvNet
from zfnet.network import Network
from zfnet.recipe import Recipe
from zfnet.settings import Settings

RESIZE = 64
MEAN_OF = 600
"""Images that the mean image is computed from."""


def settings(num_classes: int, seed: int) -> Settings:
    """A third of the paper's width, for crops of 56 pixels."""
    return Settings(
        "zfnet", num_classes=num_classes, image_size=56, width=1 / 3, strides=(2, 1),
        hidden=(256, 256), dropout=0.3, init="he", seed=seed,
    )  # fmt: skip


def recipe(seed: int) -> Recipe:
    """The paper's recipe, adapted to a few thousand steps: smaller batches, a cosine schedule,
    random crops."""
    return Recipe(
        epochs=8, batch_size=32, lr=0.02, weight_decay=5e-4, schedule="cosine", crops="random",
        seed=seed, keep_epochs=(1, 2, 4, 8),
    )  # fmt: skip


def untrained(train: Dataset, seed: int) -> Network:
    """The network for these scenes: weights drawn from `seed`, and the scenes' mean image."""
    own = settings(len(train.classes), seed)
    mean = mean_image(train, RESIZE, limit=MEAN_OF)
    preprocess = Preprocess(own.image_size, RESIZE, mean)
    return Network(ConvNet(own), preprocess, tuple(train.classes), "scenes")
