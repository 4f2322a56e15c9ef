"""Grey patches over the parts of an image and over random places (paper, section 4.3, Fig 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import Box
from zfnet.data import Preprocess
from zfnet.experiments.correspondence.regions import RANDOM, Marked, Part, in_crop
from zfnet.experiments.occlusion.measure import GREY


@dataclass(frozen=True, eq=False)
class Subject:
    """A preprocessed image x (3,S,S), and its patches by the name of the part.

    One patch for each part, the random ones under `random`; in pixels of x.
    """

    title: str
    x: np.ndarray
    patches: dict[str, list[Box]]

    @property
    def random_side(self) -> int:
        """Of the patches at random places, in pixels."""
        return self.patches[RANDOM][0].shape[0]


def place_patches(
    preprocess: Preprocess, marked: Marked, side: int, places: int, rng: np.random.Generator
) -> Subject:
    """Prepare an image, with patches over its parts and `places` patches that overlap none of them.

    side: of a patch in pixels of the network's input, for parts without a size. The random patches
    have the rounded mean of the parts' sides, because Delta depends on the area. ValueError if
    there are fewer free places than `places`.
    """
    picture, S = marked.read(), preprocess.image_size
    x = preprocess.centre(preprocess.prepare(picture)).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
    parts = {name: in_crop(preprocess, picture.shape, part) for name, part in marked.parts.items()}
    patches = {name: [_over(part, _side(part, side), S)] for name, part in parts.items()}
    taken = [box for boxes in patches.values() for box in boxes]
    side = round(float(np.mean([_side(part, side) for part in parts.values()])))
    corners = _free_corners(taken, side, S)
    if len(corners) < places:
        raise ValueError(
            f"{marked.title}: a patch of {side} pixels has {len(corners)} places beside the parts "
            f"in {S}x{S} pixels, {places} are asked for; a smaller patch has more"
        )
    chosen = rng.choice(corners, places, replace=False).tolist()
    patches[RANDOM] = [Box(top, top + side, left, left + side) for top, left in chosen]
    return Subject(marked.title, x, patches)


def hide(preprocess: Preprocess, x: np.ndarray, box: Box) -> np.ndarray:
    """A copy of an input (3,S,S) with mid grey in the box."""
    pixels = preprocess.to_pixels(x).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)
    covered = x.copy()
    window = np.s_[:, box.top : box.bottom, box.left : box.right]
    covered[window] += GREY - pixels[window]  # grey after the mean is subtracted
    return covered


def _side(part: Part, side: int) -> int:
    return side if part.size is None else max(1, round(part.size))


def _over(part: Part, size: int, S: int) -> Box:
    top, left = round(part.row - size / 2), round(part.column - size / 2)
    return Box(top, top + size, left, left + size).clip(S, S)


def _free_corners(taken: Sequence[Box], side: int, S: int) -> np.ndarray:
    """(n,2): upper left corners of all patches inside the image that overlap no box of `taken`."""
    free = np.ones((max(0, S - side + 1),) * 2, bool)
    for box in taken:
        top, left = max(0, box.top - side + 1), max(0, box.left - side + 1)
        free[top : box.bottom, left : box.right] = False
    return np.argwhere(free)
