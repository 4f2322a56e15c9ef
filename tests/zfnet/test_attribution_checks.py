"""Checks of attributions on arrays: properties, and values counted by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zfnet.attribution_checks import (
    blurred,
    centre,
    deletion_curve,
    edges,
    insertion_curve,
    pointing_game,
    random_map,
    randomisation_check,
    similarity,
)
from zfnet.attribution_checks.curves import falling_order
from zfnet.attribution_checks.pointing import near_region, wilson
from zfnet.attribution_checks.similarity import hog, spearman, ssim, to_unit


def linear(weights: np.ndarray):  # type: ignore[no-untyped-def]
    """The score of a linear network: images (N,C,H,W) -> (N,)."""
    return lambda images: (images * weights).sum(axis=(1, 2, 3))


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


# Curves.


def test_a_deletion_curve_by_hand() -> None:
    image = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    found = deletion_curve(linear(np.ones((1, 2, 2))), image, image[0], steps=4)
    assert found.share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.score.tolist() == [10, 6, 3, 1, 0]
    assert found.area == (10 / 2 + 6 + 3 + 1) / 4


def test_an_insertion_curve_by_hand() -> None:
    image = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    found = insertion_curve(linear(np.ones((1, 2, 2))), image, image[0], start=0, steps=2)
    assert found.share.tolist() == [0, 0.5, 1]
    assert found.score.tolist() == [0, 7, 10]


def test_a_replacement_may_be_a_colour_or_an_image() -> None:
    image, weights = drawn(3, 4, 5), np.ones((3, 4, 5))
    for replacement, sum_at_the_end in (
        (2.0, 120.0),
        (np.array([1.0, 2.0, 3.0])[:, None, None], 120.0),
        (image + 1, image.sum() + 60),
    ):
        found = deletion_curve(linear(weights), image, drawn(4, 5), replacement=replacement)
        assert found.score[0] == pytest.approx(image.sum())
        assert found.score[-1] == pytest.approx(sum_at_the_end)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7))
def test_true_contributions_to_a_linear_network_are_deleted_best(seed: int, steps: int) -> None:
    image, weights = drawn(2, 4, 4, seed=seed), drawn(2, 4, 4, seed=seed + 1)
    score, true = linear(weights), (image * weights).sum(axis=0)
    best = deletion_curve(score, image, true, steps=steps)
    fullest = insertion_curve(score, image, true, start=0, steps=steps)
    for other in range(5):
        attribution = drawn(4, 4, seed=seed + 2 + other)
        worse = deletion_curve(score, image, attribution, steps=steps)
        assert (best.score <= worse.score + 1e-9).all() and best.area <= worse.area + 1e-9
        less = insertion_curve(score, image, attribution, start=0, steps=steps)
        assert (fullest.score >= less.score - 1e-9).all()


def test_of_all_orders_of_four_pixels_the_true_one_has_the_least_area() -> None:
    image, weights = drawn(1, 2, 2), drawn(1, 2, 2, seed=5)
    areas = {
        order: deletion_curve(
            linear(weights), image, np.array(order, float).reshape(2, 2), steps=4
        ).area
        for order in permutations(range(4))
    }
    true = deletion_curve(linear(weights), image, (image * weights)[0], steps=4).area
    assert true == pytest.approx(min(areas.values())) and max(areas.values()) > true


def test_the_batch_size_does_not_change_a_curve() -> None:
    image, weights, attribution = drawn(3, 8, 8), drawn(3, 8, 8, seed=1), drawn(8, 8, seed=2)
    curves = [
        deletion_curve(linear(weights), image, attribution, steps=10, batch_size=size).score
        for size in (1, 3, 64)
    ]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-12)
    np.testing.assert_allclose(curves[0], curves[2], rtol=1e-12)


def test_equal_values_are_taken_in_a_random_order_and_the_same_again() -> None:
    flat = np.zeros((30, 30))
    first, again = falling_order(flat), falling_order(flat)
    assert sorted(first) == list(range(900)) and (first == again).all()
    assert abs(np.corrcoef(first, np.arange(900))[0, 1]) < 0.2
    other = falling_order(flat, np.random.default_rng(1))
    assert (other != first).any()
    few = np.array([[0.0, 5.0], [-1.0, 0.0]])
    assert falling_order(few)[0] == 1 and falling_order(few)[-1] == 2


def test_a_constant_image_is_blurred_to_itself() -> None:
    np.testing.assert_allclose(blurred(np.full((3, 20, 30), 7.0)), 7.0)
    spot = np.zeros((1, 41, 41))
    spot[0, 20, 20] = 1
    assert blurred(spot, 3)[0, 20, 20] == pytest.approx(1 / (2 * np.pi * 9), rel=0.01)


@pytest.mark.parametrize(
    ("attribution", "options", "message"),
    [
        (np.zeros((3, 4, 4)), {}, r"\(3, 4, 4\) for an image \(3, 4, 4\): \(H,W\)"),
        (np.zeros((4, 5)), {}, r"\(4, 5\) for an image"),
        (np.full((4, 4), np.nan), {}, "16 of 16 values of an attribution are NaN"),
        (np.zeros((4, 4)), {"steps": 0}, "0 steps"),
        (np.zeros((4, 4)), {"replacement": np.zeros((2, 4, 4))}, r"replacement of shape \(2, 4, 4"),
    ],
)
def test_curves_refuse_what_does_not_fit(attribution, options, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        deletion_curve(linear(np.ones((3, 4, 4))), np.ones((3, 4, 4)), attribution, **options)


def test_a_score_of_all_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="one number for each"):
        deletion_curve(lambda x: np.zeros((len(x), 10)), np.ones((3, 4, 4)), np.zeros((4, 4)))


# Similarity and the randomisation check.


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_a_map_is_like_itself_at_any_scale(seed: int, scale: float) -> None:
    a = drawn(16, 20, seed=seed)
    for name, value in vars(similarity(a, scale * a)).items():
        assert value == pytest.approx(1, abs=1e-6), name


def test_a_map_and_its_negative_differ_in_sign_alone() -> None:
    a = drawn(32, 32)
    found = similarity(a, -a)
    assert found.signed == pytest.approx(-1)
    assert [found.absolute, found.ssim, found.hog] == pytest.approx([1, 1, 1])


def test_noise_is_not_like_other_noise() -> None:
    found = similarity(drawn(64, 64), drawn(64, 64, seed=1))
    assert max(abs(value) for value in vars(found).values()) < 0.1


def test_a_map_without_variation_is_like_no_other() -> None:
    found = similarity(np.zeros((9, 9)), drawn(9, 9))
    assert set(vars(found).values()) == {0.0}


def test_spearmans_correlation_by_hand() -> None:
    a, b = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[10.0, 30.0, 20.0, 40.0]])
    assert spearman(a, b) == pytest.approx(1 - 6 * 2 / (4 * 15))  # 1 - 6 sum d^2 / (n (n^2 - 1))
    tied = np.array([[1.0, 1.0, 2.0, 2.0]])  # ranks 1.5, 1.5, 3.5, 3.5
    assert spearman(tied, a) == pytest.approx(4 / np.sqrt(4 * 5))


def test_ssim_and_hog_are_scikit_images() -> None:
    """Values of scikit-image 0.26: structural_similarity (data_range=1) and hog (9 orientations,
    cells of 4 x 4 pixels, blocks of 3 x 3)."""
    i, j = np.mgrid[:32, :40]
    a = ((3 * i * i + 5 * i * j + 7 * j * j) % 61) / 60
    b = ((2 * i * i + 3 * j) % 53) / 52
    assert ssim(a, b) == pytest.approx(-0.008421994200432336, abs=1e-12)
    assert np.corrcoef(hog(a), hog(b))[0, 1] == pytest.approx(-0.04896387283487309, abs=1e-6)
    assert hog(a).shape == (6 * 8 * 81,)


def test_ssim_of_two_constants_by_hand() -> None:
    a, b = np.full((8, 8), 0.5), np.full((8, 8), 0.25)
    assert ssim(a, b) == pytest.approx((2 * 0.5 * 0.25 + 1e-4) / (0.5**2 + 0.25**2 + 1e-4))


def test_maps_are_scaled_to_the_unit_interval() -> None:
    assert to_unit(np.array([[-4.0, 0.0, 2.0]])).tolist() == [[1.0, 0.0, 0.5]]


def test_edges_are_the_same_whatever_the_weights_are() -> None:
    images = drawn(3, 3, 24, 24)
    maps = np.stack([edges(image) for image in images])
    found = randomisation_check(maps, {"fc8": maps.copy(), "conv1": maps.copy()})
    assert found.levels == ("fc8", "conv1") and found.values.shape == (2, 3, 4)
    np.testing.assert_allclose(found.values, 1, atol=1e-6)
    for name in ("absolute", "signed", "ssim", "hog"):
        np.testing.assert_allclose(found.mean(name), 1, atol=1e-6)


def test_the_check_refuses_maps_that_cannot_be_compared() -> None:
    maps = drawn(2, 9, 9)
    with pytest.raises(ValueError, match=r"random fc8 have the shape \(1, 9, 9\)"):
        randomisation_check(maps, {"fc8": maps[:1]})
    with pytest.raises(ValueError, match="at 0 levels"):
        randomisation_check(maps, {})
    with pytest.raises(ValueError, match=r"at least 7 pixels"):
        similarity(np.zeros((3, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="no measure 'pearson'"):
        randomisation_check(maps, {"fc8": maps}).mean("pearson")


# The pointing game.


def boxes(*corners: tuple[int, int, int, int], side: int = 40) -> np.ndarray:
    found = np.zeros((len(corners), side, side), bool)
    for mask, (top, left, bottom, right) in zip(found, corners, strict=True):
        mask[top:bottom, left:right] = True
    return found


def test_maps_that_are_the_boxes_hit_always() -> None:
    objects = boxes((0, 0, 5, 5), (10, 3, 30, 20), (39, 39, 40, 40))
    found = pointing_game(objects.astype(float), objects, tolerance=0)
    assert found.hits.all() and found.rate == 1


@pytest.mark.parametrize(("column", "hit"), [(14, True), (19, True), (20, False), (35, False)])
def test_a_place_within_the_tolerance_hits(column: int, hit: bool) -> None:
    objects, maps = boxes((10, 5, 20, 15)), np.zeros((1, 40, 40))
    maps[0, 12, column] = 1  # (the object's last column is 14)
    assert pointing_game(maps, objects, tolerance=5).hits.tolist() == [hit]


def test_chance_is_the_share_of_places_that_hit() -> None:
    objects = boxes((10, 10, 20, 30))
    assert pointing_game(np.zeros((1, 40, 40)), objects, tolerance=0).chance[0] == 200 / 1600
    # One pixel more on each side, without the corners, which are the root of 2 away.
    assert near_region(objects[0], 1).sum() == 12 * 22 - 4
    assert near_region(objects[0], 1.5).sum() == 12 * 22


def test_a_random_attribution_hits_as_often_as_chance() -> None:
    rng, image = np.random.default_rng(3), np.zeros((3, 40, 40))
    maps = np.stack([random_map(image, rng) for _ in range(600)])
    found = pointing_game(maps, np.repeat(boxes((5, 5, 20, 25)), 600, 0), tolerance=2, rng=rng)
    low, high = found.interval
    assert low < found.chance[0] < high
    flat = pointing_game(np.zeros((600, 40, 40)), np.repeat(boxes((5, 5, 20, 25)), 600, 0), rng=rng)
    low, high = flat.interval  # (a map of equal values points anywhere)
    assert low < flat.chance[0] < high


def test_the_middle_of_the_centre_map_is_its_largest() -> None:
    found = centre(np.zeros((3, 41, 21)))
    assert np.unravel_index(found.argmax(), found.shape) == (20, 10)
    np.testing.assert_array_equal(found, found[::-1, ::-1])


def test_edges_are_where_the_image_changes() -> None:
    image = np.zeros((3, 8, 8))
    image[:, :, 4:] = 3.0
    found = edges(image)
    assert (found[:, 3:5] > 0).all() and not found[:, :3].any() and not found[:, 5:].any()


def test_wilsons_interval() -> None:
    low, high = wilson(7, 10)
    z = 1.959963984540054
    middle = (7 + z * z / 2) / (10 + z * z)
    reach = z / (10 + z * z) * np.sqrt(7 * 3 / 10 + z * z / 4)
    assert (low, high) == pytest.approx((middle - reach, middle + reach), rel=1e-12)


@pytest.mark.parametrize(
    ("maps", "regions", "message"),
    [
        (np.zeros((1, 4, 4)), np.zeros((1, 4, 4), bool), "0 pixels of it set"),
        (np.zeros((1, 4, 4)), np.zeros((1, 4, 5), bool), r"both are \(N,H,W\)"),
        (np.zeros((0, 4, 4)), np.zeros((0, 4, 4), bool), "at least one map"),
        (np.zeros((1, 4, 4)), np.ones((1, 4, 4)), "float64"),
        (np.full((1, 4, 4), np.inf), np.ones((1, 4, 4), bool), "infinite"),
    ],
)
def test_the_game_refuses_what_does_not_fit(
    maps: np.ndarray, regions: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pointing_game(maps, regions)
