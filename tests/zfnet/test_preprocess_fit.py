"""Preprocessing of imported networks: whole images warped, one mean per channel."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zfnet.data import Preprocess

pytestmark = pytest.mark.quick

MEAN = (123.5, 117.0, 104.25)


def made(resize: int, fit: str, image_size: int | None = None) -> Preprocess:
    return Preprocess.with_one_mean(image_size or resize, resize, MEAN, fit)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_any_image_is_warped_to_a_square_of_the_wanted_side(
    height: int, width: int, resize: int
) -> None:
    prepared = made(resize, "warp").prepare(np.full((height, width, 3), 77, np.uint8))
    # A constant image must stay constant, so that no pixel comes from outside.
    np.testing.assert_array_equal(prepared, np.full((resize, resize, 3), 77))


@pytest.mark.parametrize(("height", "width"), [(60, 200), (200, 60), (31, 97), (20, 21)])
def test_all_of_a_warped_image_is_in_the_square_at_its_place(height: int, width: int) -> None:
    rows, columns = np.indices((height, width))
    image = np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)
    resize = 40
    prepared = made(resize, "warp").prepare(image)
    inner = slice(2, -2)  # (a symmetric filter keeps a ramp but within its support of the ends)
    for channel, length in ((0, height), (1, width)):
        expected = (np.arange(resize) + 0.5) * (length / resize) - 0.5
        shown = prepared[inner, inner, channel]
        along = shown if channel == 1 else shown.T  # (columns,rows), the ramp along axis 1
        # Pillow rounds to 8 bits once for each axis.
        assert not np.abs(along - expected[inner]).max() > 1


@pytest.mark.parametrize("side", [16, 30, 77])
def test_a_square_image_is_the_same_warped_or_not(side: int) -> None:
    image = drawn(side, side, 3)
    np.testing.assert_array_equal(
        made(24, "warp").prepare(image), made(24, "centre").prepare(image)
    )


def test_a_warped_image_of_the_right_size_keeps_its_pixels() -> None:
    image = drawn(24, 24, 3)
    np.testing.assert_array_equal(made(24, "warp").prepare(image), image)


def test_a_mean_of_each_channel_is_subtracted_everywhere_and_comes_back() -> None:
    preprocess, image = made(9, "warp", 5), drawn(9, 9, 3)
    crop = preprocess.centre(preprocess.prepare(image))
    np.testing.assert_array_equal(crop, image[2:7, 2:7] - np.array(MEAN, np.float32))
    # (S,S,3) -> (3,S,S)
    np.testing.assert_array_equal(preprocess.to_pixels(crop.transpose(2, 0, 1)), image[2:7, 2:7])


@pytest.mark.parametrize("fit", ["centre", "warp"])
def test_how_images_become_squares_is_kept_with_the_network(fit: str) -> None:
    preprocess = made(9, fit, 5)
    kept = json.loads(json.dumps(preprocess.settings()))
    again = Preprocess.from_settings(kept, preprocess.mean)
    assert (again.image_size, again.resize, again.fit) == (5, 9, fit)


def test_files_without_it_take_the_centre() -> None:
    old = {"image_size": 5, "resize": 9}
    assert Preprocess.from_settings(old, made(9, "warp").mean).fit == "centre"


@pytest.mark.parametrize("fit", ["crop", "", None, 1])
def test_another_way_to_make_squares_is_refused(fit: object) -> None:
    kept = {"image_size": 5, "resize": 9, "fit": fit}
    with pytest.raises(ValueError, match=r"fit is .*, must be one of centre, warp"):
        Preprocess.from_settings(kept, made(9, "warp").mean)


@pytest.mark.parametrize("mean", [(), (1.0,), (1.0, 2.0, 3.0, 4.0)])
def test_a_mean_has_three_channels(mean: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=f"the mean has {len(mean)} values"):
        Preprocess.with_one_mean(5, 9, mean)


@pytest.mark.parametrize("fit", ["centre", "warp"])
def test_the_source_rectangle_is_the_squares(fit: str) -> None:
    preprocess, shape = made(20, fit), (30, 70)
    top, left, height, width = preprocess.source_rectangle(shape)
    inside = np.zeros((*shape, 3), np.uint8)
    inside[int(top) : int(top) + height, int(left) : int(left) + width] = 200
    # The filter reaches one output pixel further than the square.
    shown = preprocess.prepare(inside)[1:-1, 1:-1]
    np.testing.assert_array_equal(shown, np.full((18, 18, 3), 200))
    beside = preprocess.prepare(200 - inside)[1:-1, 1:-1]
    np.testing.assert_array_equal(beside, np.zeros((18, 18, 3)))
