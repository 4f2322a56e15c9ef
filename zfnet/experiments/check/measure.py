"""Estimates of the paper's claims over seeds, on drawn scenes whose ground truth is known.

In `scenes` every object, its mask and its parts are known, and each seed draws other scenes. A
measure gives, for one seed, one number for each label (a layer, a part, a step), which the claim
predicts to be above zero. Over the seeds each label has an interval and a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zfnet.data import Dataset, open_dataset
from zfnet.documented import documented
from zfnet.experiments.shared import small_network
from zfnet.experiments.shared.estimates import Claim
from zfnet.experiments.shared.results import Report, silent
from zfnet.experiments.shared.runs import Plan, trained
from zfnet.network import Network, require_conv_net
from zfnet.parallel.team import members, shared


@dataclass(frozen=True)
class Effort:
    """Numbers of images and epochs of each measure, for every seed."""

    images: int = documented(96, "For the energy of projections.", least=2)
    pointing: int = documented(24, "Images of the pointing game.", least=1)
    moved: int = documented(24, "Images that are shifted, scaled and rotated.", least=2)
    per_class: int = documented(15, "Images per class to learn from, of each layer.", least=1)
    few: int = documented(10, "Images per class, pretrained against from scratch.", least=1)
    epochs: int = documented(30, "Of the networks from scratch.", least=1)


@dataclass(frozen=True, eq=False)
class Case:
    """Network and images of one seed.

    network:   gives the measured network; trains it if necessary.
    dataset:   images that it was not trained on. order: their positions in order of use.
    elsewhere: gives the network whose features are transferred to these images.
    out:       folder of the runs of networks trained for this seed.
    """

    seed: int
    network: Callable[[], Network]
    dataset: Dataset
    order: Sequence[int]
    elsewhere: Callable[[], Network]
    out: Path

    def first(self, count: int) -> Sequence[int]:
        """The first `count` positions; ValueError if there are fewer."""
        if not 1 <= count <= len(self.order):
            raise ValueError(
                f"{count} images of {self.dataset.name} for each seed, which has "
                f"{len(self.order)}: ask for 1 to that many"
            )
        return self.order[:count]


Measure = Callable[[Case, Effort, Report], dict[str, float]]


@dataclass(frozen=True)
class Trend:
    """A claim of the paper.

    claim:   a sentence without its full stop; where: the paper's figure or table.
    what:    the measured quantity within a sentence, in `unit`; {} stands for a label.
    measure: gives by label the number of one seed, as a share (1 is 100 of `unit`).
    how:     the method, in full sentences.
    """

    name: str
    where: str
    claim: str
    what: str
    unit: str
    measure: Measure
    how: str


@dataclass(frozen=True)
class Checked:
    """A trend with its claims by label, or the reason why it was not measured."""

    trend: Trend
    claims: dict[str, Claim]
    reason: str = ""


def check(
    chosen: Sequence[Trend],
    seeds: Sequence[int],
    case: Callable[[int, Report], Case],
    effort: Effort,
    report: Report = silent,
) -> Iterator[list[Checked]]:
    """Measure each trend over all seeds; yields all results after each trend.

    case: gives a seed's case, called once for each trend and seed. A trend that these images or
    networks do not allow has a reason instead of numbers; ValueError if that holds for all.
    """
    if not seeds or not chosen:
        raise ValueError(
            f"{len(chosen)} trends, {len(seeds)} seeds: at least one of each is needed"
        )
    # Padded, so that all trends of a seed fall to one process, which trains the seed's network.
    padded = -(-len(seeds) // members()) * members()
    work = _OfSeeds(tuple(chosen), tuple(seeds), padded, case, effort)
    found: list[Checked] = []
    with closing(shared(work, len(chosen) * padded, report)) as measured:
        for trend in chosen:
            rows = [next(measured) for _ in range(padded)]
            found.append(_checked(trend, rows[: len(seeds)]))
            yield found
    if not any(checked.claims for checked in found):
        raise ValueError("; ".join(f"{c.trend.name} cannot be measured: {c.reason}" for c in found))


@dataclass(frozen=True, eq=False)
class _OfSeeds:
    """The numbers of each trend and seed, or why there are none; shared among processes."""

    chosen: tuple[Trend, ...]
    seeds: tuple[int, ...]
    padded: int
    case: Callable[[int, Report], Case]
    effort: Effort

    def __call__(self, items: range, report: Report) -> Iterator[dict[str, float] | str]:
        reason, of = "", -1
        for item in items:
            number, seed = divmod(item, self.padded)
            if number != of:
                reason, of = "", number
            measured: dict[str, float] | str = reason
            if not reason and seed < len(self.seeds):
                measured = self._measured(self.chosen[number], self.seeds[seed], report)
                reason = measured if isinstance(measured, str) else ""
            yield measured

    def _measured(self, trend: Trend, seed: int, report: Report) -> dict[str, float] | str:
        try:
            own = _titled(report, trend, seed)
            return trend.measure(self.case(seed, own), self.effort, own)
        except (ValueError, FileNotFoundError) as error:
            return str(error) or type(error).__name__


def _checked(trend: Trend, rows: Sequence[dict[str, float] | str]) -> Checked:
    for row in rows:
        if isinstance(row, str):
            return Checked(trend, {}, row)
    numbers = [row for row in rows if not isinstance(row, str)]
    by_label = {label: tuple(100 * row[label] for row in numbers) for label in numbers[0]}
    return Checked(trend, {
        label: Claim(trend.claim, trend.what.format(label), values, trend.unit)
        for label, values in by_label.items()
    })  # fmt: skip


def _titled(report: Report, trend: Trend, seed: int) -> Report:
    return lambda title, done, total: report(f"{trend.name}, seed {seed}: {title}", done, total)


def trained_on_scenes(
    seed: int, out: Path, report: Report = silent, *, device: str = "cpu"
) -> Network:
    """The tour's network, trained with the weights and scenes of `seed`; a run in out/runs."""
    train, val = (open_dataset("scenes", split, seed=seed) for split in ("train", "val"))
    new = small_network.untrained(train, seed)
    plan = Plan(f"tour-{seed}", require_conv_net(new, "a run").settings, small_network.recipe(seed))
    options: dict[str, Any] = {"data": new.data, "device": device, "report": report}
    run = trained(plan, train, val, new.preprocess, out, **options)
    return run.network


def disjoint_draw(dataset: Dataset, count: int, number: int, seed: int) -> Sequence[int]:
    """Positions of draw `number` of `count`, drawn from `seed`; no two draws share an image."""
    order = np.random.default_rng(seed).permutation(len(dataset))
    return order[number::count].tolist()
