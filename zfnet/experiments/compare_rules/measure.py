"""Measures of every method on one image: curves, similarity under random weights, pointing game.

What is random is drawn from the comparison's seed, the image's position and the method's name, so
that numbers do not depend on the images before, on the other methods, nor on interruptions.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import numpy as np

from zfnet.attribution_checks import (
    deletion_curve,
    insertion_curve,
    pointing_game,
    random_weights,
    similarity,
)
from zfnet.attribution_checks.random_weights import levels
from zfnet.attribution_checks.similarity import spearman
from zfnet.experiments.compare_rules.explained import Explained, explain
from zfnet.experiments.compare_rules.setting import Setting, replacement
from zfnet.network import Network

Values = tuple[float, float, float, float]
"""Similarity to the trained network's map: absolute, signed, ssim, hog."""


@dataclass(frozen=True)
class Subject:
    """An image to measure.

    index: its position in the data set. x: (3,S,S), preprocessed. label: its own class's number,
    or None. region: (S,S) bool, its object, or None.
    """

    index: int
    title: str
    x: np.ndarray
    label: int | None = None
    region: np.ndarray | None = None


@dataclass(frozen=True)
class OfMethod:
    """One method's measures in one image.

    seconds:               of one map.
    deletion, insertion:   the probability of the class at each step, (steps + 1,).
    cascade, independent:  for each level the similarity to the trained network's map, with the
                           levels randomised from the top down to it, and with it alone; () where
                           the image is not in the randomisation check.
    other:                 the similarity of the trained network's maps of this and another image,
                           each for its own class; None where the image is not in the check.
    hit, chance:           of the pointing game; None where it is not played.
    """

    seconds: float
    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    cascade: tuple[Values, ...] = ()
    independent: tuple[Values, ...] = ()
    other: Values | None = None
    hit: bool | None = None
    chance: float | None = None


@dataclass(frozen=True)
class OfImage:
    """One image's measures: the class is the network's most probable one."""

    index: int
    title: str
    label: int
    probability: float
    methods: dict[str, OfMethod] = field(default_factory=dict)

    @classmethod
    def of_json(cls, table: dict[str, Any]) -> OfImage:
        """The inverse of `dataclasses.asdict`, from JSON."""
        methods = {
            name: OfMethod(**{k: _tuples(v) for k, v in entries.items()})
            for name, entries in table["methods"].items()
        }
        return cls(**{**table, "methods": methods})


def measure(
    network: Network,
    subject: Subject,
    setting: Setting,
    names: Sequence[str],
    *,
    other: np.ndarray | None = None,
    step: Callable[[], None] = lambda: None,
) -> tuple[OfImage, dict[str, np.ndarray]]:
    """The measures of one image by the methods and baselines `names`, and their maps (S,S).

    other: another image (3,S,S), to compare the maps of both, where the image is in the
    randomisation check. step: called after every map or curve, `steps_of` times.
    """
    p = network.probabilities(subject.x[None])[0]
    label = int(p.argmax())
    found, maps = dict[str, OfMethod](), dict[str, np.ndarray]()
    trained = dict[str, Explained]()
    for name in names:
        rng = _rng(setting, subject.index, name, 0)
        began = time.perf_counter()
        trained[name] = explain(network, subject.x, label, name, rng, setting.samples)
        seconds = time.perf_counter() - began
        maps[name] = trained[name].map
        deletion, insertion = _curves(network, subject.x, label, maps[name], setting, step)
        hit, chance = _point(network, subject, label, name, maps[name], setting, rng)
        found[name] = OfMethod(seconds, deletion, insertion, hit=hit, chance=chance)
    if other is not None:
        check = _behind_random_weights(network, subject, label, trained, setting, step)
        unlike = _of_other_image(network, other, trained, setting, subject.index)
        for name, (cascade, alone) in check.items():
            found[name] = replace(
                found[name], cascade=cascade, independent=alone, other=unlike[name]
            )
    return OfImage(subject.index, subject.title, label, float(p[label]), found), maps


def steps_of(network: Network, setting: Setting, names: int, *, randomised: bool) -> int:
    """How often `measure` calls `step` for one image and so many methods."""
    return names * (2 + 2 * len(levels(network.model, setting.levels)) * randomised)


def _rng(setting: Setting, index: int, name: str, what: int) -> np.random.Generator:
    """Random numbers for one image, one method and one of its maps."""
    return np.random.default_rng([setting.seed, index, zlib.crc32(name.encode()), what])


def _curves(
    network: Network,
    x: np.ndarray,
    label: int,
    map: np.ndarray,
    setting: Setting,
    step: Callable[[], None],
) -> Iterator[tuple[float, ...]]:
    """The deletion and the insertion curve of the class's probability."""

    def score(images: np.ndarray) -> np.ndarray:
        return network.probabilities(images)[:, label]

    deleted = replacement(network, x, setting.deleted)
    for curve in (
        lambda: deletion_curve(score, x, map, replacement=deleted, steps=setting.steps),
        lambda: insertion_curve(score, x, map, steps=setting.steps),
    ):
        yield tuple(curve().score.tolist())
        step()


def _point(
    network: Network,
    subject: Subject,
    label: int,
    name: str,
    map: np.ndarray,
    setting: Setting,
    rng: np.random.Generator,
) -> tuple[bool | None, float | None]:
    """Hit and chance, for the image's own class, or the most probable one where it is unknown."""
    if subject.region is None or setting.pointing is False:
        return None, None
    if subject.label not in (None, label):
        map = explain(network, subject.x, int(subject.label), name, rng, setting.samples).map
    near = setting.pixels_near(network.preprocess.image_size)
    played = pointing_game(map[None], subject.region[None], tolerance=near, rng=rng)
    return bool(played.hits[0]), float(played.chance[0])


def _behind_random_weights(
    network: Network,
    subject: Subject,
    label: int,
    trained: dict[str, Explained],
    setting: Setting,
    step: Callable[[], None],
) -> dict[str, tuple[tuple[Values, ...], tuple[Values, ...]]]:
    """For each method the similarities at each level: in a cascade, and of the level alone."""
    seed, groups = (setting.seed, subject.index), levels(network.model, setting.levels)
    found: dict[str, tuple[list[Values], list[Values]]] = {name: ([], []) for name in trained}

    def compare(number: int, which: int) -> None:
        for name, before in trained.items():
            rng = _rng(setting, subject.index, name, 2 + 2 * number + which)
            after = explain(network, subject.x, label, name, rng, setting.samples)
            found[name][which].append(_alike(before, after))
            step()

    with ExitStack() as cascade:
        for number, level in enumerate(groups):
            cascade.enter_context(random_weights(network.model, level.layers, seed))
            compare(number, 0)
    for number, level in enumerate(groups):
        with random_weights(network.model, level.layers, seed):
            compare(number, 1)
    return {name: (tuple(a), tuple(b)) for name, (a, b) in found.items()}


def _of_other_image(
    network: Network,
    other: np.ndarray,
    trained: dict[str, Explained],
    setting: Setting,
    index: int,
) -> dict[str, Values]:
    """For each method the similarity of the image's map to that of another image (3,S,S)."""
    label = int(network.probabilities(other[None])[0].argmax())
    found = {}
    for name, before in trained.items():
        rng = _rng(setting, index, name, 1)
        found[name] = _alike(before, explain(network, other, label, name, rng, setting.samples))
    return found


def level_names(network: Network, setting: Setting) -> list[str]:
    """The names of the levels, from the scores down to the image."""
    return [level.name for level in levels(network.model, setting.levels)]


def _alike(before: Explained, after: Explained) -> Values:
    """The similarity; 0 where random weights let the values overflow."""
    if not np.isfinite(after.map).all():
        return 0.0, 0.0, 0.0, 0.0
    absolute, _, structure, gradients = astuple(similarity(before.map, after.map))
    return absolute, spearman(before.signed, after.signed), structure, gradients


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples, at any depth."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
