"""Summary over images: means, intervals, paired differences, and verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from zfnet.attribution_checks.intervals import Interval, bootstrap, kept, paired
from zfnet.attribution_checks.pointing import wilson
from zfnet.attribution_checks.similarity import NAMES
from zfnet.experiments.compare_rules.explained import BASELINES
from zfnet.experiments.compare_rules.measure import OfImage, OfMethod

Which = Literal["deletion", "insertion"]
Order = Literal["cascade", "independent"]
Depth = Literal["half", "all"]
"""How many levels of the cascade are random: the upper half, or all."""
STAYS, FALLS = 0.5, 0.25
"""A map that keeps at least the first share of its likeness stays as it was; one that keeps at most
the second has lost it."""
IMAGE, LOWER, NETWORK, BOTH = "the image", "the lower layers", "the network", "some of both"
BASELINE = "no network"


@dataclass(frozen=True)
class Pointing:
    """The pointing game of one method: the share of hits, Wilson's interval, chance."""

    rate: float
    low: float
    high: float
    chance: float
    count: int


@dataclass(frozen=True)
class Comparison:
    """The measures of all images.

    rules: the methods. levels: the randomised layers, from the scores down. asked: how many images
    are to be measured.
    """

    rules: tuple[str, ...]
    images: tuple[OfImage, ...]
    levels: tuple[str, ...]
    asked: int

    @property
    def names(self) -> tuple[str, ...]:
        """The methods and the baselines."""
        return (*self.rules, *BASELINES)

    def of(self, name: str) -> list[OfMethod]:
        """One method's measures, image by image."""
        return [image.methods[name] for image in self.images]

    def checked(self, name: str) -> list[OfMethod]:
        """Those of the images in the randomisation check."""
        return [one for one in self.of(name) if one.other is not None]

    def areas(self, name: str, which: Which) -> np.ndarray:
        """The area under the curve in each image, (N,)."""
        return np.array([area(getattr(one, which)) for one in self.of(name)])

    def area(self, name: str, which: Which) -> Interval:
        """The mean area."""
        return bootstrap(self.areas(name, which))

    def curve(self, name: str, which: Which) -> np.ndarray:
        """The mean curve, (steps + 1,)."""
        return np.array([getattr(one, which) for one in self.of(name)]).mean(axis=0)

    def difference(self, a: str, b: str, which: Which) -> Interval:
        """The mean of a's area minus b's, paired by image."""
        return paired(self.areas(a, which), self.areas(b, which))

    def ranked(self, which: Which) -> list[str]:
        """The methods and baselines from the best to the worst mean area."""
        direction = 1 if which == "deletion" else -1
        return sorted(self.names, key=lambda n: direction * self.area(n, which).mean)

    def similarity(self, name: str, order: Order, measure: str) -> list[Interval]:
        """The mean similarity to the trained network's map at each level."""
        found = np.array([getattr(one, order) for one in self.checked(name)])  # (N,L,4)
        return [bootstrap(column) for column in found[:, :, NAMES.index(measure)].T]

    def to_other(self, name: str, measure: str) -> Interval:
        """The mean similarity of the trained network's maps of two images."""
        at = NAMES.index(measure)
        return bootstrap([one.other[at] for one in self.checked(name) if one.other is not None])

    def likeness(self, name: str, depth: Depth, measure: str = "absolute") -> Interval | None:
        """The share of its likeness that a map keeps behind random weights: 1, the map stays; 0, it
        is as unlike as that of another image. None for maps that are alike for all images, and
        without a randomisation check."""
        at, ones = NAMES.index(measure), self.checked(name)
        if not ones:
            return None
        level = -1 if depth == "all" else max(len(self.levels) // 2 - 1, 0)
        found = [one.cascade[level][at] for one in ones]
        return kept(found, [one.other[at] for one in ones if one.other is not None])

    def shows(self, name: str) -> str:
        """The verdict on a method, in words that complete "it shows"; baselines have none."""
        if name in BASELINES:
            return BASELINE
        return verdict(self.likeness(name, "half"), self.likeness(name, "all"))

    def pointing(self, name: str) -> Pointing | None:
        """The pointing game; None where no image has an object."""
        played = [one for one in self.of(name) if one.hit is not None]
        if not played:
            return None
        hits = sum(bool(one.hit) for one in played)
        chance = float(np.mean([one.chance for one in played]))
        return Pointing(hits / len(played), *wilson(hits, len(played)), chance, len(played))

    def seconds(self, name: str) -> float:
        """The median time of one map."""
        return float(np.median([one.seconds for one in self.of(name)]))

    def as_json(self) -> dict[str, Any]:
        """All numbers: by method, the paired differences, and by image."""
        return {
            "images": len(self.images),
            "of": self.asked,
            "levels": self.levels,
            "methods": {name: self._method(name) for name in self.names},
            "differences": {
                which: {a: {b: asdict(self.difference(a, b, which)) for b in self.names if a != b}
                        for a in self.names}
                for which in ("deletion", "insertion")
            },
            "by_image": [self._image(image) for image in self.images],
        }  # fmt: skip

    def _image(self, image: OfImage) -> dict[str, Any]:
        return asdict(replace(image, methods={n: image.methods[n] for n in self.names}))

    def _method(self, name: str) -> dict[str, Any]:
        pointing = self.pointing(name)
        found: dict[str, Any] = {
            "deletion": asdict(self.area(name, "deletion")),
            "insertion": asdict(self.area(name, "insertion")),
            "seconds": self.seconds(name),
            "pointing": None if pointing is None else asdict(pointing),
        }
        if self.checked(name):
            orders: tuple[Order, ...] = ("cascade", "independent")
            for depth in ("half", "all"):
                likeness = self.likeness(name, depth)
                found[f"likeness_kept_{depth}"] = None if likeness is None else asdict(likeness)
            found["shows"] = self.shows(name)
            found["similarity"] = {
                order: {m: [asdict(i) for i in self.similarity(name, order, m)] for m in NAMES}
                for order in orders
            }
            found["similarity_to_other_image"] = {m: asdict(self.to_other(name, m)) for m in NAMES}
        return found


def area(curve: tuple[float, ...]) -> float:
    """The area under a curve at even steps from 0 to 1, by the trapezoidal rule."""
    return float(np.trapezoid(curve, np.linspace(0, 1, len(curve))))


def verdict(half: Interval | None, all_: Interval | None) -> str:
    """The randomisation check in words, by whole intervals of the likeness that a map keeps with
    the upper half of the levels random, and with all of them."""
    if half is None or all_ is None:
        return "neither: one map for all images"
    if half.low is None or half.high is None or all_.low is None or all_.high is None:
        return "one image cannot tell"
    if all_.low >= STAYS:
        return IMAGE
    if half.low >= STAYS:
        return LOWER
    return NETWORK if all_.high <= FALLS and half.high < STAYS else BOTH


def undecided(comparison: Comparison, which: Which) -> tuple[str, list[str]]:
    """The method with the best area, and those whose paired difference to it may be zero."""
    order = comparison.ranked(which)
    best, others = order[0], order[1:]
    same = [n for n in others if comparison.difference(best, n, which).sign == 0]
    return best, same


def against(comparison: Comparison, baseline: str, which: Which) -> Mapping[str, Interval]:
    """Each method's paired difference to a baseline; below zero is better for deletion."""
    return {n: comparison.difference(n, baseline, which) for n in comparison.rules}
