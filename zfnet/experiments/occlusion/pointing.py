"""Pointing game: the most harmful occlusion against the object's place (paper, section 4.2).

The map's minimum is the position at which occlusion makes the true class least probable. If the
network depends on the object and not on its surroundings, the minimum lies on the object more often
than a random position does, whose hit rate is the object's share of the positions (the game is
Zhang et al.'s, ECCV 2016).
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
from zfnet.report.numbers import percent

REASONS = 3
"""Images left out that the page lists with their reasons; the numbers have all."""


@dataclass(frozen=True)
class Point:
    """One image: whether the minimum is on the object, and the share of positions that are."""

    hit: bool
    chance: float


@dataclass(frozen=True)
class PointingGame:
    """The images `indices` of a data set, with hit and chance of each."""

    indices: tuple[int, ...]
    hits: tuple[bool, ...]
    chances: tuple[float, ...]

    @property
    def share(self) -> float:
        """The share of hits."""
        return float(np.mean(self.hits))

    @property
    def chance(self) -> float:
        """The expected share of hits of a random position."""
        return float(np.mean(self.chances))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        found = stats.binomtest(sum(self.hits), len(self.hits)).proportion_ci(0.95, "wilson")
        return float(found.low), float(found.high)

    def sentence(self) -> str:
        """The share of hits, chance, and the verdict of the interval."""
        low, high = self.interval
        verdict = "cannot be told from chance"
        if low > self.chance:
            verdict = "is above chance"
        elif high < self.chance:
            verdict = "is below chance"
        return (
            f"The map's minimum falls on the object in {sum(self.hits)} of {len(self.hits)} images "
            f"({percent(self.share)}, 95 % interval {percent(low)} to {percent(high)}); a place "
            f"drawn at random does in {percent(self.chance)}: this {verdict}."
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
    """Play the game on images of a data set with masks or boxes.

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
    """Positions of images that allow the game; the reason for each of the others, by title."""

    indices: tuple[int, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """A sentence about images left out, with the first reasons; empty if there are none."""
        if not self.left_out:
            return ""
        total, reasons = len(self.indices) + len(self.left_out), list(self.left_out.values())
        more = f"; and {len(reasons) - REASONS} more" if len(reasons) > REASONS else ""
        return (
            f"{len(self.indices)} of {total} images could be played, left out are: "
            f"{'; '.join(reasons[:REASONS])}{more}."
        )


def playable(network: Network, dataset: Dataset, indices: Sequence[int]) -> Playable:
    """The images with a readable file, a known object and a known class."""
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
    """The point of an occlusion map in the game; `region` (S,S) bool is the object.

    A position is that of the square's centre. Of equal minima the first counts.
    """
    places = found.centres().astype(int)
    on = region[np.ix_(places, places)]  # (S,S) -> (P,P)
    return Point(bool(on.flat[found.probability.argmin()]), float(on.mean()))


def game(indices: Sequence[int], points: Sequence[Point]) -> PointingGame:
    """The images and their points together."""
    hits, chances = (p.hit for p in points), (p.chance for p in points)
    return PointingGame(tuple(int(i) for i in indices), tuple(hits), tuple(chances))


def region_in_crop(
    preprocess: Preprocess, truth: Truth | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """The object's mask (or box) as the centre crop shows it, (S,S) bool; None where unknown.

    The mask is resized and cropped like the image.
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
