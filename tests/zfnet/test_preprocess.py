"""The paper's preprocessing: shorter side, centre, mean, ten crops."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zfnet.data import BadImage, Preprocess, Truth, default_resize, mean_image

pytestmark = pytest.mark.quick

RNG = np.random.default_rng(3)


def drawn(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def plain(image_size: int, resize: int, mean: float = 0.0) -> Preprocess:
    return Preprocess(image_size, resize, np.full((3, resize, resize), mean, np.float32))


def where(side: int) -> np.ndarray:
    """An image whose pixel (row, column) is (row, column, 0)."""
    rows, columns = np.indices((side, side))
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)


class Images:
    """A data set in memory; None stands for an unreadable file."""

    name = "memory"
    classes = ("a", "b")

    def __init__(self, images: list[np.ndarray | None]) -> None:
        self.images = images
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> np.ndarray:
        self.read.append(index)
        image = self.images[index]
        if image is None:
            raise BadImage(self.title(index), "torn")
        return image

    def label(self, index: int) -> int:
        return index % 2

    def title(self, index: int) -> str:
        return f"{index}.png"

    def truth(self, index: int) -> Truth | None:
        return None


@pytest.mark.parametrize(("image_size", "resize"), [(224, 256), (56, 64), (112, 128)])
def test_the_paper_resizes_to_256_for_crops_of_224(image_size: int, resize: int) -> None:
    assert default_resize(image_size) == resize


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_any_image_becomes_a_square_of_the_wanted_side(
    height: int, width: int, resize: int
) -> None:
    prepared = plain(1, resize).prepare(np.full((height, width, 3), 77, np.uint8))
    # A constant image must stay constant, so that no pixel comes from outside.
    np.testing.assert_array_equal(prepared, np.full((resize, resize, 3), 77))


def test_an_image_that_fits_already_keeps_its_pixels() -> None:
    image = drawn(8, 13, 3)
    np.testing.assert_array_equal(plain(8, 8).prepare(image), image[:, 2:10])


@pytest.mark.parametrize("side", [100, 57, 31])
def test_resizing_keeps_places(side: int) -> None:
    wide = np.zeros((side, 2 * side, 3), np.uint8)
    wide[...] = np.arange(2 * side)[None, :, None]
    resize = 40
    prepared = plain(resize, resize).prepare(wide)
    # Output column j is centred on input column (j + 1/2) scale - 1/2 of the centre square. A
    # symmetric filter reproduces a ramp except within its support, scale or one pixel, of the end.
    scale = side / resize
    expected = side / 2 + (np.arange(resize) + 0.5) * scale - 0.5
    inner = slice(2, -2)
    # Pillow rounds to 8 bits once for each axis.
    assert np.abs(prepared[:, inner, 0] - expected[inner]).max() <= 1


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    rows, columns = np.indices((64, 64))
    checks = ((rows + columns) % 2 * 255).astype(np.uint8)
    prepared = plain(8, 8).prepare(np.stack([checks] * 3, axis=-1))
    # Every output weighs as many black pixels as white ones; two roundings to 8 bits.
    assert np.abs(prepared[1:-1, 1:-1] - 127.5).max() <= 1.5


@pytest.mark.parametrize("index", range(10))
def test_the_ten_crops_are_corners_and_centre_and_their_mirrors(index: int) -> None:
    crop = plain(4, 9).crop(where(9), index)
    top, left = [(0, 0), (0, 5), (5, 0), (5, 5), (2, 2)][index % 5]
    expected = where(9)[top : top + 4, left : left + 4]
    np.testing.assert_array_equal(crop, expected[:, ::-1] if index >= 5 else expected)


def test_ten_crops_holds_the_crops_in_order() -> None:
    preprocess, prepared = plain(5, 8, mean=100.0), drawn(8, 8, 3)
    crops = preprocess.ten_crops(prepared)
    assert crops.shape == (10, 5, 5, 3)
    for index in range(10):
        np.testing.assert_array_equal(crops[index], preprocess.crop(prepared, index))


def test_the_mean_is_subtracted_before_cropping_and_mirroring() -> None:
    prepared = drawn(9, 9, 3)
    preprocess = Preprocess(4, 9, prepared.transpose(2, 0, 1).astype(np.float32))
    np.testing.assert_array_equal(preprocess.ten_crops(prepared), np.zeros((10, 4, 4, 3)))


def test_random_crops_subtract_the_mean_at_their_own_place() -> None:
    prepared = drawn(9, 9, 3)
    preprocess = Preprocess(4, 9, prepared.transpose(2, 0, 1).astype(np.float32))
    rng = np.random.default_rng(0)
    assert not any(preprocess.random_crop(prepared, rng).any() for _ in range(50))


def test_random_crops_reach_every_position_and_both_mirrors() -> None:
    rng = np.random.default_rng(0)
    preprocess, prepared = plain(4, 6), where(6)
    seen = {tuple(preprocess.random_crop(prepared, rng)[0, [0, 3]].ravel()) for _ in range(500)}
    assert len(seen) == 3 * 3 * 2


def test_to_pixels_undoes_the_centre_crop() -> None:
    prepared = drawn(9, 9, 3)
    preprocess = Preprocess(4, 9, RNG.uniform(0, 255, (3, 9, 9)).astype(np.float32))
    x = preprocess.centre(prepared).transpose(2, 0, 1)
    np.testing.assert_array_equal(preprocess.to_pixels(x), prepared[2:6, 2:6])


def test_to_pixels_rounds_and_clips() -> None:
    x = np.array([-1000.0, 0.6, 1000.0], np.float32).reshape(3, 1, 1)
    assert plain(1, 1).to_pixels(x).ravel().tolist() == [0, 1, 255]


def test_settings_survive_json() -> None:
    preprocess = plain(4, 9, mean=3.0)
    restored = Preprocess.from_settings(
        json.loads(json.dumps(preprocess.settings())), preprocess.mean
    )
    assert (restored.image_size, restored.resize) == (4, 9)


@pytest.mark.parametrize("resize", [None, "9", True, 8])
def test_settings_that_do_not_fit_are_refused(resize: object) -> None:
    with pytest.raises(ValueError, match=r"settings|needed is"):
        Preprocess.from_settings({"image_size": 4, "resize": resize}, plain(4, 9).mean)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="flip"):
        Preprocess.from_settings({**plain(4, 9).settings(), "flip": 1}, plain(4, 9).mean)


def test_the_mean_image_is_the_mean_of_the_prepared_images() -> None:
    images = [drawn(9, 12, 3), drawn(20, 9, 3), drawn(9, 9, 3)]
    squares = np.stack([images[0][:, 1:10], images[1][5:14], images[2]]).astype(np.float64)
    expected = squares.mean(axis=0).transpose(2, 0, 1)
    mean = mean_image(Images([*images]), 9)
    # The sum is exact in float64; one rounding to float32 of a value below 256 remains.
    assert mean.dtype == np.float32
    assert np.abs(mean - expected).max() <= 256 * np.finfo(np.float32).eps / 2


def test_a_limited_mean_image_takes_images_from_the_whole_data_set() -> None:
    dataset = Images([np.full((4, 4, 3), 10 * (index // 4), np.uint8) for index in range(12)])
    mean_image(dataset, 4, limit=3)
    assert sorted(dataset.read) == [0, 4, 8]


def test_unreadable_images_do_not_enter_the_mean() -> None:
    dataset = Images([np.full((4, 4, 3), 30, np.uint8), None, np.full((4, 4, 3), 50, np.uint8)])
    np.testing.assert_array_equal(mean_image(dataset, 4), np.full((3, 4, 4), 40))


def test_a_strict_mean_image_refuses_an_unreadable_image() -> None:
    with pytest.raises(BadImage, match=r"0\.png: torn"):
        mean_image(Images([None]), 4, strict=True)


@pytest.mark.parametrize("images", [[], [None, None]])
def test_no_readable_image_has_no_mean(images: list[np.ndarray | None]) -> None:
    with pytest.raises(ValueError, match=f"memory has {len(images)} images, none readable"):
        mean_image(Images(images), 4)


def test_the_mean_image_reports_its_progress() -> None:
    seen: list[tuple[int, int]] = []
    mean_image(Images([drawn(4, 4, 3), None]), 4, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), TypeError, "float32"),
        (np.zeros((4, 4), np.uint8), ValueError, r"\(4, 4\)"),
        (np.zeros((3, 4, 4), np.uint8), ValueError, r"\(3, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r"\(0, 4, 3\)"),
    ],
)
def test_arrays_that_are_not_images_are_refused(
    image: np.ndarray, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        plain(4, 4).prepare(image)


def test_an_image_that_is_not_prepared_is_not_cropped() -> None:
    with pytest.raises(ValueError, match=r"\(10, 12, 3\) uint8, needed is \(9, 9, 3\)"):
        plain(4, 9).crop(drawn(10, 12, 3), 0)


@pytest.mark.parametrize("index", [-1, 10])
def test_there_are_ten_crops(index: int) -> None:
    with pytest.raises(ValueError, match=f"crop {index} does not exist"):
        plain(4, 9).crop(drawn(9, 9, 3), index)


@pytest.mark.parametrize(
    ("image_size", "resize", "mean"),
    [
        (10, 9, np.zeros((3, 9, 9), np.float32)),
        (0, 9, np.zeros((3, 9, 9), np.float32)),
        (4, 9, np.zeros((9, 9, 3), np.float32)),
        (4, 9, np.zeros((3, 9, 9), np.float64)),
        (4, 9, np.full((3, 9, 9), np.nan, np.float32)),
    ],
)
def test_sizes_and_means_that_do_not_fit_are_refused(
    image_size: int, resize: int, mean: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"image_size|mean"):
        Preprocess(image_size, resize, mean)
