"""The pointing game: the place of an occlusion map's minimum, counted by hand (section 4.2)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zfnet.tiny import Pictures, network
from zfnet.data import Preprocess, Truth
from zfnet.experiments.features.measure import centre_crop
from zfnet.experiments.occlusion.measure import OcclusionMap, occlusion_map
from zfnet.experiments.occlusion.pointing import (
    Point,
    PointingGame,
    game,
    playable,
    point,
    pointing_game,
    region_in_crop,
)
from zfnet.experiments.shared.labels import class_named, true_label


class Boxed(Pictures):
    """Pictures with an object in their upper left quarter."""

    def truth(self, index: int) -> Truth:
        return Truth(box=(0, 0, 18, 18))


def mapped(probability: np.ndarray, square: int, stride: int) -> OcclusionMap:
    other = np.zeros(probability.shape)
    return OcclusionMap(30, square, stride, 0, 0, other, probability, other.astype(int), 1.0)


def least_at(p: int, q: int) -> OcclusionMap:
    """4 x 4 places whose centres are pixels 4, 11, 18, 25 of a 30 x 30 image."""
    probability = np.full((4, 4), 0.5)
    probability[p, q] = 0.1
    return mapped(probability, 9, 7)


def region(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((32, 32), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_point_hits_where_the_least_places_centre_is_on_the_object() -> None:
    only = region(11, 25, 12, 26)
    assert point(least_at(1, 3), only).hit
    assert not any(point(least_at(*at), only).hit for at in [(0, 3), (1, 2), (3, 1)])


def test_chance_is_the_share_of_places_on_the_object() -> None:
    # Rows 4 and 11, columns 11, 18 and 25: 6 of 16 places.
    assert point(least_at(0, 0), region(0, 11, 12, 32)).chance == 6 / 16
    assert point(least_at(0, 0), region(12, 12, 18, 18)).chance == 0


def test_the_game_plays_each_image_with_its_own_class_and_object() -> None:
    net, data = network(), Boxed(6)
    found = pointing_game(net, data, [4, 1, 5], 9, 7)
    assert found.indices == (4, 1, 5) and found.chances == (4 / 25,) * 3
    for index, hit in zip(found.indices, found.hits, strict=True):
        seen = occlusion_map(net, centre_crop(net, data, index), index % 3, square=9, stride=7)
        p, q = np.argwhere(seen.probability == seen.probability.min())[0]
        assert hit == (p < 2 and q < 2)


def test_the_interval_is_wilsons() -> None:
    hits, n, z = 7, 10, 1.959963984540054
    played = PointingGame(tuple(range(n)), (True,) * hits + (False,) * (n - hits), (0.2,) * n)
    middle = (hits + z * z / 2) / (n + z * z)
    reach = z / (n + z * z) * np.sqrt(hits * (n - hits) / n + z * z / 4)
    assert played.share == 0.7
    assert played.interval == pytest.approx((middle - reach, middle + reach), rel=1e-12)


@pytest.mark.parametrize(
    ("hits", "chance", "said"),
    [(18, 0.3, "is above chance"), (1, 0.5, "is below chance"), (7, 0.3, "cannot be told")],
)
def test_the_sentence_says_what_the_interval_says(hits: int, chance: float, said: str) -> None:
    points = [Point(i < hits, chance) for i in range(20)]
    assert said in game(range(20), points).sentence()


def test_a_class_is_found_by_its_name_and_not_by_its_number() -> None:
    net, data = network(classes=("blue", "red", "green")), Pictures(3)
    assert [true_label(net, data, i) for i in range(3)] == [1, 2, 0]
    assert true_label(net, Pictures(3, classes=("cat",)), 0) is None


def test_a_class_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="no class 'grey'; there are red, green, blue"):
        class_named(("red", "green", "blue"), "grey", "the network")
    many = [f"bird {i}" for i in range(300)]
    with pytest.raises(ValueError, match=r"spelled alike are .*bird 123.*there are 300"):
        class_named(many, "brid 123", "the network")


def test_images_without_a_known_object_are_refused() -> None:
    with pytest.raises(ValueError, match=r"memory: 1.png has neither box nor mask"):
        pointing_game(network(), Pictures(3), [1], 9, 7)


def test_images_of_unknown_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2.png is of no class"):
        pointing_game(network(), Boxed(3, classes=("cat", "dog")), [2], 9, 7)


def test_images_without_class_object_or_readable_file_are_left_out_and_counted() -> None:
    class Mixed(Boxed):
        def truth(self, index: int) -> Truth:
            return Truth() if index == 4 else super().truth(index)

    data = Mixed(8, bad=(1,), classes=("red", "cat", "blue"))  # of the third class are 2 and 5
    found = playable(network(), data, [5, 1, 4, 0, 7, 2])
    assert found.indices == (5, 0, 2) and list(found.left_out) == ["1.png", "4.png", "7.png"]
    said = found.sentence()
    assert said.startswith("3 of 6 images could be played")
    assert "torn" in said and "4.png has neither" in said and "7.png is of no class" in said
    assert playable(network(), data, [1, 4, 7, 1]).sentence().startswith("0 of ")
    assert playable(network(), data, [5]).sentence() == ""


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        pointing_game(network(), Boxed(3), [], 9, 7)


def test_the_region_goes_the_way_of_the_image() -> None:
    mask = np.zeros((128, 160), bool)
    mask[40:72, 60:100] = True
    preprocess = Preprocess(56, 64, np.zeros((3, 64, 64), np.float32))
    found = region_in_crop(preprocess, Truth(mask=mask), mask.shape)
    # Half the size, 8 columns cut on either side, then 4 pixels all around.
    expected = np.zeros((56, 56), bool)
    expected[20 - 4 : 36 - 4, 30 - 8 - 4 : 50 - 8 - 4] = True
    assert found is not None
    np.testing.assert_array_equal(found, expected)


def test_a_box_is_a_region_as_a_mask_is() -> None:
    preprocess = Preprocess(56, 64, np.zeros((3, 64, 64), np.float32))
    mask = np.zeros((64, 64), bool)
    mask[10:30, 20:50] = True
    by_box = region_in_crop(preprocess, Truth(box=(10, 20, 30, 50)), (64, 64, 3))
    by_mask = region_in_crop(preprocess, Truth(mask=mask), (64, 64, 3))
    np.testing.assert_array_equal(by_box, by_mask)


def test_without_truth_there_is_no_region() -> None:
    preprocess = Preprocess(56, 64, np.zeros((3, 64, 64), np.float32))
    assert region_in_crop(preprocess, Truth(), (64, 64, 3)) is None
    assert region_in_crop(preprocess, None, (64, 64, 3)) is None
