"""Checkerboard artefacts of a network's strides in its projections, as a number (our measure).

Where the windows of a convolution or pool overlap unevenly at its stride, the transposed operation
gives some pixels more terms than others, and its output has a regular pattern (Odena, Dumoulin,
Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016). Strides multiply, so that the
pattern repeats with the step between the units of a lower layer: 4 pixels behind two strides of 2.
Such a pattern comes from the network. What a projection tells about the image drowns in it.

Measured is how much a projection's energy (its squared values) alternates with the place within the
step. The energy of each row of pixels is divided by its mean over the step about it, which takes
out where the energy is; then averaged over all rows at the same place within the step, of all
projections. The alternation is the standard deviation over the places, divided by the mean; for
columns alike, and the mean of both. Without a lattice it is near zero. What remains by chance is
measured at the periods one pixel shorter and longer, and taken off in squares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.experiments.features.measure import MapPicture
from zfnet.inspectable import InspectableGraph

MANY = 0.25
"""An alternation from which projections count as a lattice: the shipped network has 0.08 and
GoogLeNet 0.08 to 0.15, whose projections show parts of objects; SqueezeNet 0.38 to 0.44."""
PERIODS = 4
"""Steps, each a pixel longer, that the smaller side of a quarter of the fields has room for."""


@dataclass(frozen=True, eq=False)
class Patch:
    """The energy (h,w) of a projection, whose first pixel is (top, left) of the image."""

    top: int
    left: int
    energy: np.ndarray

    def profiles(self) -> tuple[Profile, Profile]:
        """The energies of its rows and of its columns."""
        return Profile(self.top, self.energy.sum(axis=1)), Profile(
            self.left, self.energy.sum(axis=0)
        )


@dataclass(frozen=True, eq=False)
class Profile:
    """Energies (n,) of rows or columns; the first one is number `start` of the image."""

    start: int
    energies: np.ndarray


@dataclass(frozen=True)
class Lattice:
    """The alternation with the period `step`, in pixels, by the name of the rules, and of images.

    by_rules: of the projections that are shown, the page's own first. images: of the patches.
    """

    step: int
    by_rules: dict[str, float]
    images: float

    @property
    def drowns(self) -> bool:
        """Whether the page's own projections are a lattice more than a picture."""
        return next(iter(self.by_rules.values())) > MANY


def steps(model: InspectableGraph, layer: str) -> list[int]:
    """Pixels between the units of the layers below `layer` that have planes, each once, from 2."""
    below, found = model.below(layer), set[int]()
    for name, (P, Q) in model.planes().items():
        if name in below and min(P, Q) > 2:
            boxes = [model.receptive_field(name, p, p) for p in (P // 2 - 1, P // 2)]
            found.add(boxes[1].top - boxes[0].top)
    return sorted(step for step in found if step > 1)


def lattice(
    model: InspectableGraph, layer: str, by_rules: Mapping[str, Sequence[MapPicture]]
) -> Lattice | None:
    """The most pronounced lattice in the projections of a layer; None where no field has room.

    by_rules: the pictures of the layer's maps, by the name of the rules of their projections.
    """
    first = next(iter(by_rules.values()))
    sides = np.array([min(p.crop().shape[1:]) for picture in first for p in picture.projections])
    # (fields that the image's border cuts are smaller)
    room = [s for s in steps(model, layer) if (sides >= PERIODS * (s + 1)).sum() > len(sides) / 4]
    if not room:
        return None
    energies = {name: list(_projected(found)) for name, found in by_rules.items()}
    own = next(iter(energies.values()))
    step = max(room, key=lambda s: alternation(own, s))
    found = {name: alternation(energy, step) for name, energy in energies.items()}
    return Lattice(step, found, alternation(list(_images(first)), step))


def alternation(energies: Sequence[Patch], step: int) -> float:
    """The alternation with that period, less what there is by chance."""
    beside = [s for s in (step - 1, step + 1) if s > 1]
    chance = float(np.mean([_raw(energies, s) ** 2 for s in beside]))
    return math.sqrt(max(0.0, _raw(energies, step) ** 2 - chance))


def _raw(energies: Sequence[Patch], step: int) -> float:
    rows, columns = zip(*(patch.profiles() for patch in energies), strict=True)
    return (_over_places(rows, step) + _over_places(columns, step)) / 2


def _over_places(profiles: Iterable[Profile], step: int) -> float:
    """Standard deviation over mean of the places within the step."""
    sums, counts = np.zeros(step), np.zeros(step)
    for each in profiles:
        profile = each.energies
        if len(profile) < 2 * step or not profile.any():
            continue
        about = np.convolve(profile, np.ones(step) / step, "valid")  # (n,) -> (n - step + 1,)
        middle = slice((step - 1) // 2, (step - 1) // 2 + len(about))
        some = about > 1e-3 * about.max()  # (a ratio of nearly nothing is noise)
        places = (each.start + np.arange(len(profile)))[middle][some] % step
        np.add.at(sums, places, profile[middle][some] / about[some])
        np.add.at(counts, places, 1)
    if not counts.all():
        return 0.0
    means = sums / counts
    return float(means.std() / means.mean())


def _projected(found: Sequence[MapPicture]) -> Iterable[Patch]:
    for picture in found:
        for projection in picture.projections:
            yield Patch(projection.box.top, projection.box.left, _energy(projection.crop()))


def _images(found: Sequence[MapPicture]) -> Iterable[Patch]:
    for picture in found:
        for projection, patch in zip(picture.projections, picture.patches, strict=True):
            pixels = patch.astype(np.float64).transpose(2, 0, 1)  # HWC -> CHW
            about_mean = pixels - pixels.mean(axis=(1, 2), keepdims=True)
            yield Patch(projection.box.top, projection.box.left, _energy(about_mean))


def _energy(pixels: np.ndarray) -> np.ndarray:
    """(3,h,w) -> (h,w)."""
    return np.square(pixels, dtype=np.float64).sum(axis=0)
