"""Comparison of methods over a folder's images: each is measured, kept on disk, and shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kernels.terminal.progress import stop_on_interrupt, stop_status
from zfnet.data import BadImage, Dataset
from zfnet.experiments.compare_rules.explained import BASELINES
from zfnet.experiments.compare_rules.measure import (
    OfImage,
    Subject,
    level_names,
    measure,
    steps_of,
)
from zfnet.experiments.compare_rules.page import Shown, write_page
from zfnet.experiments.compare_rules.record import Record, described
from zfnet.experiments.compare_rules.setting import Setting
from zfnet.experiments.compare_rules.summary import Comparison
from zfnet.experiments.features.measure import centre_crop
from zfnet.experiments.occlusion.pointing import region_in_crop
from zfnet.experiments.shared.labels import true_label
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.signals import Stopped

SECONDS_BETWEEN_PAGES = 60.0
SHARE = 20
"""A page is written again after so many times the seconds that it took to write."""
TITLE = "comparing methods"


@dataclass(eq=False)
class Run:
    """A comparison under way: what was measured, images left out, and images on the page."""

    network: Network
    dataset: Dataset
    setting: Setting
    results: Results
    record: Record
    order: list[int]
    levels: list[str]
    found: list[OfImage] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    next_page: float = -np.inf

    @property
    def names(self) -> tuple[str, ...]:
        """The methods and the baselines."""
        return (*self.setting.rules, *BASELINES)

    def write(self, *, done: bool = False) -> Path:
        """The page and the numbers so far, unless they were written shortly before."""
        path = self.results.out / "index.html"
        began = time.monotonic()
        if self.found and (done or began > self.next_page):
            comparison = Comparison(
                self.setting.rules, tuple(self.found), tuple(self.levels), len(self.order)
            )
            path = write_page(comparison, self.setting, self.shown, self.left_out, self.results)
            now = time.monotonic()
            self.next_page = now + max(SECONDS_BETWEEN_PAGES, SHARE * (now - began))
        return path


def compare_rules(
    network: Network,
    dataset: Dataset,
    setting: Setting,
    results: Results,
    report: Report = silent,
) -> Path:
    """Measure every method in the images, and write the page; returns its path.

    An image is kept on disk when it is measured: the same call goes on behind the last one, also
    with further methods or more images. The page grows meanwhile. Raises Stopped after Ctrl-C;
    ValueError for a network without classes, no image that can be read, no boxes where the pointing
    game is asked for, or a folder with another comparison.
    """
    network.require_scores("a comparison of attributions")
    order = np.random.default_rng(setting.seed).permutation(len(dataset)).tolist()
    order = order[: setting.images]
    if not order:
        raise ValueError(f"{dataset.name} has no images: there is nothing to measure on")
    if setting.pointing:
        _require_boxes(network, dataset, order)
    record = Record(results.out, described(network, dataset, setting))
    names = level_names(network, setting)
    run = Run(network, dataset, setting, results, record, order, names)
    with stop_on_interrupt() as pressed:
        _measure_all(run, pressed, report)
    if not run.found:
        reasons = "; ".join(list(run.left_out.values())[:3])
        raise ValueError(f"none of the {len(order)} images could be measured: {reasons}")
    return run.write(done=True)


def _measure_all(run: Run, pressed: list[int], report: Report) -> None:
    """All images: what is not on the record is measured."""
    missing = [_missing(run, number) for number in range(len(run.order))]
    costs = [_cost(run, number, len(names)) for number, names in enumerate(missing)]
    done, total = 0, sum(costs)

    def step() -> None:
        nonlocal done
        done += 1
        if pressed:
            raise Stopped(
                f"Stopped after {len(run.found)} of {len(run.order)} images; the same command goes "
                f"on from {run.results.out}.",
                stop_status(pressed),
            )
        report(TITLE, min(done, total - 1), total)  # (the last step is the page)

    for number, index in enumerate(run.order):
        before = done
        try:
            found = _measured(run, number, missing[number], step)
        except BadImage as error:
            run.left_out[run.dataset.title(index)] = str(error)
            continue
        finally:
            done = before + costs[number]
        run.found.append(found)
        _show(run, found, number)
        if missing[number]:
            run.write()
    report(TITLE, total, total)


def _missing(run: Run, number: int) -> list[str]:
    """The methods and baselines whose measures of an image are not on the record."""
    kept = run.record.image(run.order[number])
    there = {} if kept is None else kept.methods
    checked = number < run.setting.randomised
    return [n for n in run.names if n not in there or (checked and there[n].other is None)]


def _cost(run: Run, number: int, methods: int) -> int:
    """The number of steps of an image."""
    checked = number < run.setting.randomised
    return steps_of(run.network, run.setting, methods, randomised=checked)


def _measured(run: Run, number: int, names: Sequence[str], step: Callable[[], None]) -> OfImage:
    """The measures of an image, those by `names` made now and kept on disk."""
    kept = run.record.image(run.order[number])
    if kept is not None and not names:
        return kept
    subject = _subject(run.network, run.dataset, run.order[number])
    other = None
    if number < run.setting.randomised:
        other = _other_image(run, number)
    found, maps = measure(run.network, subject, run.setting, names, other=other, step=step)
    if kept is not None:
        found = replace(found, methods={**kept.methods, **found.methods})
    run.record.keep(found, maps if number < run.setting.shown else {})
    return found


def _other_image(run: Run, number: int) -> np.ndarray:
    """The next image of the order that can be read, or grey where there is no other."""
    for index in (*run.order[number + 1 :], *run.order[:number]):
        try:
            return centre_crop(run.network, run.dataset, index)
        except BadImage:
            continue
    S = run.network.preprocess.image_size
    return np.zeros((3, S, S), np.float32)


def _subject(network: Network, dataset: Dataset, index: int) -> Subject:
    picture = dataset.image(index)
    region = region_in_crop(network.preprocess, dataset.truth(index), picture.shape)
    if region is not None and not region.any():  # the object lies outside the centre crop
        region = None
    x = centre_crop(network, dataset, index)
    return Subject(index, dataset.title(index), x, true_label(network, dataset, index), region)


def _show(run: Run, found: OfImage, number: int) -> None:
    """Put an image and its maps among those that the page shows."""
    if number >= run.setting.shown:
        return
    maps = run.record.maps(found.index, run.names)
    if maps is not None:
        x = centre_crop(run.network, run.dataset, found.index)
        picture = run.network.preprocess.to_pixels(x)
        run.shown.append(
            Shown(found.title, run.network.classes[found.label], found.probability, picture, maps)
        )


def _require_boxes(network: Network, dataset: Dataset, order: Sequence[int]) -> None:
    """ValueError unless an image has an object within its centre crop."""
    for index in order:
        try:
            if _subject(network, dataset, index).region is not None:
                return
        except BadImage:
            continue
    raise ValueError(
        f"none of the {len(order)} images of {dataset.name} has a box or mask, and the pointing "
        "game needs the object's place: give --boxes with a folder of PASCAL VOC's XML files, or "
        "leave --pointing out"
    )
