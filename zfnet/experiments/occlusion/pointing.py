"""Pointing game: the most harmful occlusion against the object's place (paper, section 4.2).

Where covering makes the true class least probable, the network sees what it goes by. If that is the
object and not its surroundings, this place lies on the object more often than a place drawn at
random, which would hit as often as the object is large (the game is Zhang et al.'s, ECCV 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from zfnet.data import Dataset, Preprocess, Truth
from zfnet.experiments.features.measure import centre_crop
from zfnet.experiments.occlusion.measure import OcclusionMap, occlusion_map
from zfnet.experiments.shared.labels import true_label
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network
from zfnet.report import pictures

REASONS = 3
"""Of images that are left out, on the page; the numbers have all."""


@dataclass(frozen=True)
class Point:
    """One image: is the map's minimum on the object, and which share of its places is."""

    hit: bool
    chance: float


@dataclass(frozen=True)
class PointingGame:
    """The images `indices` of a data set, and what became of each."""

    indices: tuple[int, ...]
    hits: tuple[bool, ...]
    chances: tuple[float, ...]

    @property
    def share(self) -> float:
        """Of the images, how many were hit."""
        return float(np.mean(self.hits))

    @property
    def chance(self) -> float:
        """How many a place drawn at random hits."""
        return float(np.mean(self.chances))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        found = stats.binomtest(sum(self.hits), len(self.hits)).proportion_ci(0.95, "wilson")
        return float(found.low), float(found.high)

    def sentence(self) -> str:
        """The share beside chance, and whether the interval tells them apart."""
        low, high = self.interval
        told = "cannot be told from chance"
        if low > self.chance:
            told = "is above chance"
        elif high < self.chance:
            told = "is below chance"
        return (
            f"The map's minimum falls on the object in {sum(self.hits)} of {len(self.hits)} images "
            f"({self.share:.0%}, 95 % interval {low:.0%} to {high:.0%}); a place drawn at random "
            f"does in {self.chance:.0%}: this {told}."
        )


def pointing_game(
    network: Network,
    dataset: Dataset,
    indices: Sequence[int],
    square: int,
    stride: int,
    *,
    report: Report = silent,
) -> PointingGame:
    """Play it on images of a data set that knows their objects' masks or boxes.

    The class is the image's own, by its name. ValueError for no images, an image without a mask
    or box or whose class the network does not know, and a square that does not fit.
    """
    if not len(indices):
        raise ValueError("the pointing game needs at least one image, got none")
    points = []
    for done, index in enumerate(indices, start=1):
        region, label = known_object(network, dataset, index)
        x = centre_crop(network, dataset, index)
        found = occlusion_map(network, x, label, square=square, stride=stride)
        points.append(point(found, region))
        report("pointing game", done, len(indices))
    return game(indices, points)


@dataclass(frozen=True)
class Playable:
    """Positions of images that the game can be played on; of the others, by title, why not."""

    indices: tuple[int, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """How many could be played, and why the first others could not; empty if all could."""
        if not self.left_out:
            return ""
        total, reasons = len(self.indices) + len(self.left_out), list(self.left_out.values())
        more = f"; and {len(reasons) - REASONS} more" if len(reasons) > REASONS else ""
        return (
            f"{len(self.indices)} of {total} images could be played, left out are: "
            f"{'; '.join(reasons[:REASONS])}{more}."
        )


def playable(network: Network, dataset: Dataset, indices: Sequence[int]) -> Playable:
    """Which of these images have a readable file, a known object and a class that is known."""
    kept: list[int] = []
    left_out: dict[str, str] = {}
    for index in indices:
        try:
            known_object(network, dataset, index)
            kept.append(index)
        except ValueError as error:
            left_out[dataset.title(index)] = str(error)
    return Playable(tuple(kept), left_out)


def known_object(network: Network, dataset: Dataset, index: int) -> tuple[np.ndarray, int]:
    """An image's object in the centre crop, (S,S) bool, and the network's number of its class.

    ValueError where one of them is not known.
    """
    region, label = known_region(network, dataset, index), true_label(network, dataset, index)
    if label is None:
        raise ValueError(
            f"{dataset.name}: {dataset.title(index)} is of no class that the network knows; the "
            "pointing game follows the true class's probability"
        )
    return region, label


def known_region(network: Network, dataset: Dataset, index: int) -> np.ndarray:
    """An image's object in the centre crop, (S,S) bool; ValueError without mask and box."""
    truth, shape = dataset.truth(index), dataset.image(index).shape
    region = region_in_crop(network.preprocess, truth, shape)
    if region is None:
        raise ValueError(
            f"{dataset.name}: {dataset.title(index)} has neither box nor mask, and where its "
            "object lies must be known here; scenes and Tiny ImageNet have them"
        )
    return region


def point(found: OcclusionMap, region: np.ndarray) -> Point:
    """Where the map of an image (S,S) points, on an object or not: `region` (S,S) bool.

    A place is where the square's centre is. Of equal minima the first counts.
    """
    P, Q = found.probability.shape
    rows, columns = (
        (np.arange(count) * found.stride + found.square / 2).astype(int) for count in (P, Q)
    )
    on = region[np.ix_(rows, columns)]  # (S,S) -> (P,Q)
    return Point(bool(on.flat[found.probability.argmin()]), float(on.mean()))


def game(indices: Sequence[int], points: Sequence[Point]) -> PointingGame:
    """The images and their points together."""
    hits, chances = (p.hit for p in points), (p.chance for p in points)
    return PointingGame(tuple(int(i) for i in indices), tuple(hits), tuple(chances))


def region_in_crop(
    preprocess: Preprocess, truth: Truth | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """The object's mask (or box) as the centre crop shows it, (S,S) bool; None where unknown.

    The mask goes the way of the image: through the same resizing and cropping.
    """
    if truth is None or (truth.mask is None and truth.box is None):
        return None
    if truth.mask is not None:
        mask = truth.mask
    else:
        assert truth.box is not None
        mask = pictures.region_mask(truth.box, shape[:2])
    picture = np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255
    prepared = preprocess.prepare(picture)[:, :, 0] > 127
    first = (preprocess.resize - preprocess.image_size) // 2
    return prepared[first:, first:][: preprocess.image_size, : preprocess.image_size]
