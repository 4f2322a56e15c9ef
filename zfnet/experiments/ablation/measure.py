"""Errors of networks with layers removed, resized and averaged (paper, Tables 2, 3)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from zfnet.evaluate import errors, evaluate, predict
from zfnet.experiments.ablation.rows import Row
from zfnet.experiments.shared.estimates import Claim, Estimate, estimate
from zfnet.experiments.shared.results import Report, silent
from zfnet.experiments.shared.runs import Plan
from zfnet.experiments.shared.scales import Scale, Trainings
from zfnet.network import Network
from zfnet.parallel.team import shared
from zfnet.report.numbers import percent

LITTLE = 0.25
"""An increase of the error is little up to this share of that without layers 3, 4, 6 and 7."""


@dataclass(frozen=True)
class Score:
    """Errors of one network, in %."""

    seed: int
    train_top1: float
    val_top1: float
    val_top5: float


COLUMNS: tuple[Literal["train_top1", "val_top1", "val_top5"], ...] = (
    "train_top1", "val_top1", "val_top5",
)  # fmt: skip


_One = tuple[Score, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Measured:
    """Scores and probabilities of a row's networks, one for each seed, on the validation images.

    first, mean: probabilities (N,C) of the first network, and their mean over all; labels (N,).
    """

    row: Row
    scores: tuple[Score, ...]
    first: np.ndarray
    mean: np.ndarray
    labels: np.ndarray

    @property
    def nets(self) -> int:
        return len(self.scores)

    def by_seed(self, column: str) -> np.ndarray:
        """One of COLUMNS, of each network: (seeds,) in %."""
        return np.array([getattr(score, column) for score in self.scores])

    def estimates(self) -> list[Estimate]:
        """COLUMNS over the seeds, in %."""
        return [estimate(self.by_seed(column)) for column in COLUMNS]


def plans(row: Row, seeds: Sequence[int], scale: Scale, num_classes: int) -> list[Plan]:
    """Architecture and recipe of the networks of `row`, one for each seed.

    ValueError if there is no seed, or if images of the scale's size do not fit the network.
    """
    if not seeds:
        raise ValueError("each row needs at least one seed, got none")
    hidden = (max(1, round(scale.hidden * row.units)),) * 2
    return [
        Plan(
            f"{row.name}-{seed}",
            scale.settings(row.architecture, num_classes, seed, without=row.without,
                           variant=row.variant, hidden=hidden),
            replace(scale.recipe, seed=seed),
        )
        for seed in seeds
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Networks:
    """Training and measurement of networks, to be shared among processes."""

    plans: tuple[Plan, ...]
    trainings: Trainings
    ten_crops: bool

    def __call__(self, items: range, report: Report) -> Iterator[_One]:
        for item in items:
            plan = self.plans[item]
            network = self.trainings.network(plan, report)
            yield _one(plan, network, self.trainings, self.ten_crops, report)


def measure(
    rows: Sequence[tuple[Row, Sequence[Plan]]],
    trainings: Trainings,
    *,
    ten_crops: bool = False,
    report: Report = silent,
) -> Generator[Measured, None, None]:
    """Train the networks of rows that are not trained yet, and measure their errors, row by row.

    The networks are shared among the processes of a team.
    """
    every = tuple(plan for _, planned in rows for plan in planned)
    with closing(shared(_Networks(every, trainings, ten_crops), len(every), report)) as networks:
        for row, planned in rows:
            found = [next(networks) for _ in planned]
            scores, probabilities, labels = zip(*found, strict=True)
            mean = np.mean(probabilities, axis=0)
            yield Measured(row, scores, probabilities[0], mean, labels[0])


def _one(
    plan: Plan, network: Network, trainings: Trainings, ten_crops: bool, report: Report
) -> _One:
    """A network's errors, its probabilities (N,C) on the validation images, the labels (N,).

    The training error is on the centre crops, after training, without dropout.
    """
    title = f"measuring {plan.name}"
    learned = evaluate([network], trainings.train, progress=lambda d, n: report(title, d, n))
    probabilities, labels = predict([network], trainings.val, ten_crops=ten_crops)
    missed = errors(probabilities, labels)
    shares = (learned.top1, missed.top1, missed.top5)
    return Score(plan.recipe.seed, *(100 * share for share in shares)), probabilities, labels


@dataclass(frozen=True)
class Average:
    """A row of Table 2: validation errors, in %, of the averaged probabilities of `nets` networks.

    For one network they are the mean over the seeds. published: the paper's top-1 and top-5, in %,
    of `published_nets` networks.
    """

    title: str
    nets: int
    top1: float
    top5: float
    published: tuple[float, float]
    published_nets: int


def averages(found: Mapping[str, Measured]) -> list[Average]:
    """Table 2, for those of the rows `alexnet`, `zfnet` and `zfnet-b` that were measured."""
    alexnet, a, b = (found.get(name) for name in ("alexnet", "zfnet", "zfnet-b"))
    rows = []
    if alexnet:
        rows.append(_single(alexnet, "AlexNet", (40.5, 18.1)))
        rows.append(_averaged([(alexnet.mean, alexnet.nets)], alexnet.labels, "AlexNet",
                              (38.1, 16.4), 5))  # fmt: skip
    if a:
        rows.append(_single(a, "ZFNet (a)", (38.4, 16.5)))
        rows.append(_averaged([(a.mean, a.nets)], a.labels, "ZFNet (a)", (36.7, 15.3), 5))
    if b:
        rows.append(_single(b, "ZFNet (b)", (37.5, 16.0)))
    if a and b:
        parts = [(a.mean, a.nets), (b.first, 1)]
        rows.append(_averaged(parts, a.labels, "ZFNet (a) and (b)", (36.0, 14.7), 6))
    # With one seed the average is that network itself and is left out.
    return [row for n, row in enumerate(rows) if row.nets > 1 or row.published_nets == 1]


def _single(measured: Measured, title: str, published: tuple[float, float]) -> Average:
    _, top1, top5 = measured.estimates()
    return Average(title, 1, top1.mean, top5.mean, published, 1)


def _averaged(
    parts: Sequence[tuple[np.ndarray, int]],
    labels: np.ndarray,
    title: str,
    published: tuple[float, float],
    published_nets: int,
) -> Average:
    """`parts`: mean probabilities (N,C), and of how many networks."""
    nets = sum(count for _, count in parts)
    means, counts = zip(*parts, strict=True)
    missed = errors(np.average(means, axis=0, weights=counts), labels)  # (parts,N,C) -> (N,C)
    return Average(title, nets, 100 * missed.top1, 100 * missed.top5, published, published_nets)


def claims(found: Mapping[str, Measured]) -> list[Claim]:
    """Section 5.1's claims about Tables 2 and 3, for the rows that were measured."""
    stated: list[Claim] = []
    for stem, name in (("alexnet", "AlexNet"), ("zfnet", "ZFNet")):
        stated += _removals(found, stem, name) + _averaging(found, stem, name)
    return stated + _comparisons(found)


def _removals(found: Mapping[str, Measured], stem: str, name: str) -> list[Claim]:
    names = {"": stem, **{which: f"{stem}-{which}" for which in ("34", "67", "3467")}}
    if not set(names.values()) <= set(found):
        return []
    whole, middle, full, both = (found[row].by_seed("val_top1") for row in names.values())
    harm = both - whole
    return [
        Claim(
            f"Removing the middle convolutions and the fully connected layers of {name} together "
            "hurts more than removing either",
            "the validation error without layers 3, 4, 6, 7 less the worse of that without 3, 4 "
            "and that without 6, 7",
            tuple(both - np.maximum(middle, full)),
        ),
        *(
            Claim(
                f"Removing only layers {layers} of {name} changes little, at most "
                f"{percent(LITTLE)} of what removing layers 3, 4, 6, 7 does",
                f"{percent(LITTLE)} of the error that removing layers 3, 4, 6, 7 adds, less what "
                f"removing {layers} adds,",
                tuple(LITTLE * harm - (part - whole)),
            )
            for layers, part in (("6, 7", full), ("3, 4", middle))
        ),
    ]


def _averaging(found: Mapping[str, Measured], stem: str, name: str) -> list[Claim]:
    measured = found.get(stem)
    if measured is None or measured.nets < 2:
        return []
    together = 100 * errors(measured.mean, measured.labels).top1
    # All seeds give one average: the spread of single networks is not that of averages.
    gained = float(measured.by_seed("val_top1").mean()) - together
    return [
        Claim(
            f"{measured.nets} networks averaged are better than one ({name})",
            "the mean validation error of the single networks less that of their average",
            (gained,),
            each="average",
        )
    ]


def _comparisons(found: Mapping[str, Measured]) -> list[Claim]:
    pairs = (
        ("alexnet", "zfnet", "ZFNet has a lower validation error than AlexNet"),
        ("zfnet", "zfnet-b", "More maps in layers 3, 4 and 5 lower the validation error (b)"),
    )
    return [
        Claim(
            text,
            f"the validation error of `{worse}` less that of `{better}`",
            tuple(found[worse].by_seed("val_top1") - found[better].by_seed("val_top1")),
        )
        for worse, better, text in pairs
        if worse in found and better in found
    ]
