"""Intervals, verdicts and sentences of a comparison of rules."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zfnet.test_compare_rules import RULES
from zfnet.attribution import METHODS
from zfnet.attribution_checks.intervals import Interval, bootstrap, kept, paired
from zfnet.experiments.compare_rules import tiles
from zfnet.experiments.compare_rules.explained import USUAL, known
from zfnet.experiments.compare_rules.measure import OfImage, OfMethod
from zfnet.experiments.compare_rules.summary import Comparison, undecided, verdict
from zfnet.experiments.compare_rules.tables import percent, share_kept, written


def test_a_bootstrap_interval_is_close_to_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = bootstrap(values)
    assert found.mean == values.mean() and found.count == 400
    assert found.low == pytest.approx(values.mean() - 1.96 * 2 / 20, abs=0.03)
    assert found.high == pytest.approx(values.mean() + 1.96 * 2 / 20, abs=0.03)
    assert bootstrap(values) == found


def test_differences_are_paired_by_image() -> None:
    a = np.random.default_rng(0).normal(0, 100, 50)
    found = paired(a + 1, a)
    assert (found.mean, found.low, found.high) == pytest.approx((1, 1, 1)) and found.sign == 1
    assert paired(a, a + 1).sign == -1 and bootstrap(a).sign == 0
    with pytest.raises(ValueError, match="50 and 49 images"):
        paired(a, a[1:])


def test_the_likeness_kept_by_hand() -> None:
    found = kept([0.6, 0.8], [0.2, 0.4])
    assert found is not None and found.mean == pytest.approx((0.7 - 0.3) / (1 - 0.3))
    unchanged, lost = kept([1.0, 1.0], [0.3, 0.1]), kept([0.3, 0.1], [0.3, 0.1])
    assert unchanged is not None and unchanged.mean == 1
    assert lost is not None and lost.mean == 0
    assert kept([1.0, 1.0], [1.0, 1.0]) is None


@pytest.mark.parametrize(
    ("half", "whole", "said"),
    [
        ((0.9, 1.0), (0.5, 0.7), "the image"),
        ((0.5, 1.0), (0.1, 0.2), "the lower layers"),
        ((0.5, 1.0), (0.49, 0.9), "the lower layers"),
        ((0.2, 0.49), (-0.1, 0.25), "the network"),
        ((0.2, 0.5), (-0.1, 0.25), "some of both"),
        ((0.2, 0.4), (-0.1, 0.26), "some of both"),
        ((None, None), (None, None), "one image cannot tell"),
    ],
)
def test_a_verdict_is_by_whole_intervals(
    half: tuple[float | None, float | None], whole: tuple[float | None, float | None], said: str
) -> None:
    assert verdict(Interval(0.5, *half, 9), Interval(0.5, *whole, 9)) == said
    assert verdict(None, None).startswith("neither")


def test_methods_that_cannot_be_told_from_the_best_are_listed() -> None:
    def image(number: int, areas: dict[str, float]) -> OfImage:
        methods = {n: OfMethod(0.1, (2 * a, 0.0), (0.0, 2 * a)) for n, a in areas.items()}
        return OfImage(number, "", 0, 1.0, methods)

    rng = np.random.default_rng(0)
    images = []
    for number in range(30):
        a, noise = rng.uniform(0.1, 0.3), rng.normal(0, 0.05)
        areas = {"gradient": a, "guided": a + noise, "random": a + 0.1, "edges": a + 0.2}
        images.append(image(number, {**areas, "centre": a + 0.3}))
    found = Comparison(RULES, tuple(images), (), 30)
    best, same = undecided(found, "deletion")
    assert {best, *same} == set(RULES)
    assert undecided(found, "insertion") == ("centre", [])


def test_numbers_are_written_with_their_intervals() -> None:
    assert written(Interval(0.1234, 0.1, 0.15, 9)) == "0.123\u00a0(0.100\u00a0to\u00a00.150)"
    assert written(Interval(-0.0001, None, None, 1), sign=True) == "0.000"
    assert percent(Interval(-0.12, -0.2, 0.001, 9)) == "−12\u00a0%\u00a0(−20\u00a0to\u00a00)"


def test_a_likeness_below_that_of_other_images_is_none() -> None:
    assert share_kept(Interval(-3.8, -5.0, -0.1, 9)) == "none"
    assert share_kept(Interval(-0.1, -0.3, 0.1, 9)) == "−10\u00a0%\u00a0(−30\u00a0to\u00a010)"
    assert share_kept(Interval(-0.003, -0.004, -0.001, 9)).startswith("0\u00a0%")
    assert share_kept(None) == "–"


def test_rules_are_known_by_name() -> None:
    assert known(("gradient", "edges", "gradient")) == ("gradient",)
    assert known(()) == known(("edges",)) == USUAL and set(USUAL) <= set(METHODS)
    assert known(("all",)) == tuple(METHODS)
    with pytest.raises(ValueError, match=r"no rules 'saliency'; there are .*deconvnet"):
        known(("saliency",))


def test_zero_is_white_in_a_signed_map_and_black_in_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    map = np.array([[-2.0, 0.0, 1.0]], np.float32)
    sizes = tiles.tile("edges", np.abs(map))
    assert sizes.shape == (75, 225, 3)
    assert sizes[0, 100].max() < 10 and sizes[0, 0].min() > 150
    monkeypatch.setattr(tiles, "is_signed", lambda name: True)
    signed = tiles.tile("edges", map)
    assert signed[0, 100].min() > 240
    assert signed[0, 0, 2] > signed[0, 0, 0] and signed[0, 220, 0] > signed[0, 220, 2]
