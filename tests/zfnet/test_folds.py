"""Folds: drawn by class from the seed alone; statistics of repeated draws (5.2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.zfnet.tiny import COLOURS
from tests.zfnet.tiny_folders import class_folders
from zfnet.experiments.shared.estimates import sign
from zfnet.experiments.shared.folds import (
    MOST_TESTS,
    Fold,
    check_counts,
    draw_fold,
    labels_of,
    mean_of_classes,
)
from zfnet.experiments.shared.gains import gain, percent, points, sorted_by_sign
from zfnet.experiments.shared.protocols import PROTOCOLS, open_whole

pytestmark = pytest.mark.quick

COUNTS = (20, 31, 90)
LABELS = np.random.default_rng(3).permutation(np.repeat([0, 1, 2], COUNTS))


def fold(per_class: int = 5, number: int = 0, seed: int = 0) -> Fold:
    return draw_fold(LABELS, COLOURS, per_class, number, seed)


def same(a: Fold, b: Fold) -> bool:
    return np.array_equal(a.train, b.train) and np.array_equal(a.test, b.test)


@pytest.mark.parametrize("per_class", [1, 5, 19])
def test_each_class_has_its_images_to_learn_from_and_at_most_fifty_others(per_class: int) -> None:
    drawn = fold(per_class)
    assert np.bincount(LABELS[drawn.train]).tolist() == [per_class] * 3
    expected = [min(count - per_class, MOST_TESTS) for count in COUNTS]
    assert np.bincount(LABELS[drawn.test]).tolist() == expected


@pytest.mark.parametrize("number", range(4))
def test_no_image_is_learned_from_and_tested_on(number: int) -> None:
    drawn = fold(19, number)
    both = np.concatenate([drawn.train, drawn.test])
    assert len(np.unique(both)) == len(both)


def test_the_seed_and_the_number_draw_the_fold() -> None:
    assert same(fold(number=1, seed=2), fold(number=1, seed=2))
    assert not same(fold(number=1, seed=2), fold(number=0, seed=2))
    assert not same(fold(number=1, seed=2), fold(number=1, seed=3))


def test_more_images_of_a_class_hold_the_fewer_of_the_same_fold() -> None:
    few, many = fold(5), fold(15)
    assert set(few.train.tolist()) < set(many.train.tolist())
    large = [part.test[LABELS[part.test] == 2].tolist() for part in (few, many)]
    assert large[0] == large[1]  # a class of 90 has 50 to test on either way


def test_another_class_leaves_the_draws_of_the_others_as_they_are() -> None:
    more = draw_fold(LABELS + 1, ("another", *COLOURS), 5, 0, 0)
    assert same(more, fold(5))


def test_a_class_with_too_few_images_is_named_with_its_count() -> None:
    check_counts(LABELS, COLOURS, [5, 19], 5)
    with pytest.raises(ValueError, match="need 21 images of each class: red has 20"):
        check_counts(LABELS, COLOURS, [5, 20], 5)


def test_fewer_images_than_folds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"25 folds .* need 25 images .* red has 20"):
        check_counts(LABELS, COLOURS, [1], 25)


@pytest.mark.parametrize(("per_class", "folds"), [([], 5), ([0], 5), ([5], 0)])
def test_no_folds_and_no_images_are_refused(per_class: list[int], folds: int) -> None:
    with pytest.raises(ValueError, match="at least 1 of each"):
        check_counts(LABELS, COLOURS, per_class, folds)


def test_the_accuracy_is_the_mean_of_the_classes_and_not_of_the_images() -> None:
    labels = np.array([0, 0, 0, 0, 2, 2])
    predicted = np.array([0, 0, 0, 1, 2, 0])
    assert mean_of_classes(predicted, labels) == (3 / 4 + 1 / 2) / 2


def test_caltechs_backgrounds_are_no_classes(tmp_path: Path) -> None:
    class_folders(tmp_path, ("BACKGROUND_Google", "ant", "bass"))
    found = open_whole(str(tmp_path), PROTOCOLS["caltech101"])
    assert found.classes == ("ant", "bass")
    assert labels_of(found).tolist() == [0] * 3 + [1] * 3
    assert found.title(0).startswith("ant/") and found.title(5).startswith("bass/")
    assert len(open_whole(str(tmp_path), PROTOCOLS["folders"])) == 9


def test_a_folder_that_comes_whole_is_taken_whole_and_one_in_parts_by_its_split(
    tmp_path: Path,
) -> None:
    class_folders(tmp_path / "whole", COLOURS, 4)
    class_folders(tmp_path / "parts" / "train", COLOURS, 4)
    class_folders(tmp_path / "parts" / "val", COLOURS, 2)
    sizes = {
        (name, split): len(open_whole(str(tmp_path / name), PROTOCOLS["folders"], split=split))
        for name in ("whole", "parts")
        for split in ("train", "val")
    }
    assert [*sizes.values()] == [12, 12, 12, 6]


def test_one_class_besides_the_background_is_refused(tmp_path: Path) -> None:
    class_folders(tmp_path, ("257.clutter", "ant"))
    with pytest.raises(ValueError, match=r"one class \('ant'\)"):
        open_whole(str(tmp_path), PROTOCOLS["caltech256"])


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        open_whole(str(tmp_path / "nowhere"), PROTOCOLS["folders"])


def test_a_gain_has_students_interval_over_the_folds() -> None:
    found = gain([0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.4, 0.4, 0.6, 0.6])
    # Gains .1 .2 .1 .2 .1: mean .14, deviation sqrt(.003); t of 4 degrees of freedom: 2.776
    assert found.mean == pytest.approx(0.14)
    assert found.half == pytest.approx(2.7764 * 0.0030**0.5 / 5**0.5, rel=1e-4)
    assert points(found) == "+14.0 points (95 % interval +7.2 to +20.8)" and sign(found) == 1


def test_gains_are_paired_by_the_folds_that_both_have() -> None:
    assert gain([0.1, 0.2], [0.3, 0.5, 0.9]).mean == pytest.approx(0.25)


def test_sentences_sort_gains_by_their_intervals() -> None:
    zeros = [0.0, 0.0, 0.0]
    gains = {
        "a": gain(zeros, [0.1, 0.1, 0.12]),
        "b": gain(zeros, [-0.1, -0.1, -0.12]),
        "c": gain(zeros, [-0.1, 0.1, 0.05]),
        "d": gain([0.1], [0.9]),
        "e": gain(zeros, zeros),
        "f": gain([0.4, 0.1], [0.5, 0.2]),  # differences that only rounding tells apart
    }
    up, down, unclear = sorted_by_sign(gains, "Up", "Down", "Unclear").split(". ")
    assert up.startswith("Up a, +10.7 points") and down.startswith("Down b, −10.7 points")
    assert unclear.startswith("Unclear c, ") and "d, +80.0 points (one fold" in unclear
    assert "; e, +0.0 points (the same in every fold" in unclear
    assert "; f, +10.0 points (the same in every fold, no interval)" in unclear


def test_a_spread_is_the_samples_standard_deviation() -> None:
    assert percent([0.5, 0.6, 0.7]) == "60.0 ± 10.0"
    assert percent([0.5]) == "50.0 ± 0.0"
