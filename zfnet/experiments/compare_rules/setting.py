"""Settings of the comparison, and what a deleted pixel becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zfnet.attribution_checks import blurred
from zfnet.attribution_checks.curves import STEPS
from zfnet.attribution_checks.pointing import TOLERANCE
from zfnet.attribution_checks.random_weights import MOST
from zfnet.network import Network

Deleted = Literal["mean", "grey", "black", "blur"]
OF_SIDE = 224
"""The side of the images that the usual tolerance is meant for."""


@dataclass(frozen=True)
class Setting:
    """What is measured, and how.

    rules:      names in `zfnet.attribution.METHODS`.
    images:     how many are drawn from the folder; None: all.
    randomised: how many of them the randomisation check takes.
    steps:      of the deletion and insertion curves.
    deleted:    what deleted pixels become.
    levels:     at most so many groups of layers are randomised, one after the other.
    samples:    images for one map of SmoothGrad, integrated gradients and the like; None: their own
                default.
    tolerance:  of the pointing game, in pixels of an image of 224, and in proportion.
    pointing:   None: the game is played where there are boxes; True: it must; False: it is not.
    shown:      images on the page.
    """

    rules: tuple[str, ...]
    images: int | None = 50
    randomised: int = 10
    steps: int = STEPS
    deleted: Deleted = "mean"
    levels: int = MOST
    samples: int | None = None
    tolerance: float = TOLERANCE
    pointing: bool | None = None
    shown: int = 6
    seed: int = 0

    def pixels_near(self, image_size: int) -> float:
        """The tolerance in pixels of the network's input."""
        return self.tolerance * image_size / OF_SIDE


def replacement(network: Network, x: np.ndarray, deleted: Deleted) -> np.ndarray:
    """(3,S,S): what the pixels of a preprocessed image (3,S,S) become when they are deleted.

    mean: the mean that the preprocessing subtracts, so that the input is 0; grey: 128; black: 0;
    blur: the image behind a Gaussian filter.
    """
    if deleted == "mean":
        return np.zeros_like(x)
    if deleted == "blur":
        return blurred(x)
    level = 128 if deleted == "grey" else 0
    p = network.preprocess
    picture = np.full((p.resize, p.resize, 3), level, np.uint8)
    return p.centre(picture).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
