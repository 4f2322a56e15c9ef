"""Randomisation check of an attribution (Adebayo et al. 2018, "Sanity Checks for Saliency Maps").

A picture that explains what a network has learned must change when what it has learned is taken
away. Layers' weights are replaced by random ones, and the maps of the same images are compared with
those of the trained network: in a cascade from the scores down to the image, and one layer alone.
A map that stays as it was shows the image, not the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np

from zfnet.attribution_checks.similarity import NAMES, similarity


@dataclass(frozen=True, eq=False)
class RandomisationCheck:
    """Similarities to the trained network's maps.

    levels: names of the randomised layers, in the order given.
    values: (levels, N, 4): for each image `similarity`'s absolute, signed, ssim and hog.
    """

    levels: tuple[str, ...]
    values: np.ndarray

    def mean(self, measure: str) -> np.ndarray:
        """The mean over the images at each level, (levels,), of absolute, signed, ssim or hog."""
        if measure not in NAMES:
            raise ValueError(f"no measure {measure!r}: there are {', '.join(NAMES)}")
        return np.asarray(self.values[:, :, NAMES.index(measure)].mean(axis=1))


def randomisation_check(
    trained: np.ndarray, randomised: Mapping[str, np.ndarray]
) -> RandomisationCheck:
    """Compare maps of the trained network with those behind random weights.

    Args:
        trained:    (N,H,W), a map for each image.
        randomised: the maps (N,H,W) of the same images and classes by what was randomised: the
                    layer's name, from the scores down to the image.

    Raises ValueError for no images, no levels, or maps of another shape.
    """
    if trained.ndim != 3 or not len(trained) or not randomised:
        raise ValueError(
            f"maps of shape {trained.shape} at {len(randomised)} levels: (N,H,W) with at least one "
            "image and one level are needed"
        )
    for name, maps in randomised.items():
        if maps.shape != trained.shape:
            raise ValueError(
                f"the maps behind a random {name} have the shape {maps.shape}, those of the "
                f"trained network {trained.shape}: they are compared pixel by pixel"
            )
    values = [
        [astuple(similarity(a, b)) for a, b in zip(trained, maps, strict=True)]
        for maps in randomised.values()
    ]
    return RandomisationCheck(tuple(randomised), np.array(values))
