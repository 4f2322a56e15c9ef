"""Subsets of a data set's images."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zfnet.tiny import Pictures
from zfnet.data import Subset, Truth, spread

pytestmark = pytest.mark.quick

DATA = Pictures(11, seed=4)


class Unlabelled(Pictures):
    """Pictures of no class, each with a box of its own."""

    def label(self, index: int) -> int:
        return -1

    def truth(self, index: int) -> Truth:
        return Truth(box=(0, 0, index + 1, 1))


def test_a_subset_renumbers_the_labels_of_its_classes() -> None:
    whole = Pictures(9)  # red, green, blue in turn
    part = Subset(whole, np.array([8, 1, 4]), ("blue", "green"))
    assert [part.label(i) for i in range(len(part))] == [0, 1, 1]
    assert part.title(0) == "8.png" and part.classes == ("blue", "green")
    assert np.array_equal(part.image(1), whole.images[1])


def test_a_subset_of_images_without_labels_has_none_either() -> None:
    part = Subset(Unlabelled(9, classes=()), [7, 2])
    assert [part.label(0), part.label(1)] == [-1, -1] and part.classes == ()


def test_a_subset_knows_the_truth_of_its_images() -> None:
    found = Subset(Unlabelled(9), [7, 2]).truth(1)
    assert found is not None and found.box == (0, 0, 3, 1)


def test_some_images_are_evenly_spread_over_all() -> None:
    some = spread(DATA, 4)
    assert [some.title(i) for i in range(len(some))] == ["0.png", "2.png", "5.png", "8.png"]
    assert some.label(1) == DATA.label(2) and (some.image(3) == DATA.images[8]).all()


def test_of_more_images_than_there_are_all_are_taken() -> None:
    assert spread(DATA, 50) is DATA and spread(DATA, 11) is DATA


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="0 of 11 images"):
        spread(DATA, 0)
