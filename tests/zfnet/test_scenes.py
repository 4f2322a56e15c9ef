"""The embedded scenes: reproducible, balanced, and consistent with their annotations."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from zfnet.data.drawing.shapes import box, circle, ellipse, polygon, stroke
from zfnet.data.drawing.textures import TEXELS, noise_tile, stripes
from zfnet.data.scenes import COUNTS, Scenes

SOME = range(48)  # four scenes of each class


def scenes(split: str = "val", size: int = 64, seed: int = 0) -> Scenes:
    return Scenes(split, seed=seed, size=size, count=len(SOME))


def halved(image: np.ndarray) -> np.ndarray:
    """Pixels averaged two by two."""
    h, w = image.shape[0] // 2, image.shape[1] // 2
    blocks = image.reshape(h, 2, w, 2, -1).astype(np.float64)  # (2h,2w,C) -> (h,2,w,2,C)
    return blocks.mean((1, 3))


def test_the_same_seed_draws_the_same_bits() -> None:
    a, b = scenes(), scenes()
    assert all(a.image(i).tobytes() == b.image(i).tobytes() for i in SOME)


def test_another_seed_draws_other_scenes() -> None:
    a, b = scenes(seed=0), scenes(seed=1)
    assert all(a.image(i).tobytes() != b.image(i).tobytes() for i in SOME)


def test_no_scene_is_in_two_splits() -> None:
    drawn = {scenes(split).image(i).tobytes() for split in COUNTS for i in SOME}
    assert len(drawn) == len(COUNTS) * len(SOME)


def test_a_scene_does_not_depend_on_the_count() -> None:
    assert Scenes("val", count=3).image(2).tobytes() == Scenes("val", count=30).image(2).tobytes()


@pytest.mark.parametrize("split", COUNTS)
def test_every_class_has_its_share_of_a_split(split: str) -> None:
    data = Scenes(split)
    counts = np.bincount([data.label(i) for i in range(len(data))], minlength=len(data.classes))
    assert set(counts) == {COUNTS[split] // len(data.classes)}


def test_there_are_ten_classes_at_least_and_a_face_among_them() -> None:
    assert len(set(Scenes.classes)) == len(Scenes.classes) >= 10
    assert "face" in Scenes.classes


@pytest.mark.parametrize("size", [32, 100, 256])
def test_images_are_rgb_bytes_of_the_size_asked_for(size: int) -> None:
    image = scenes(size=size).image(5)
    assert (image.shape, image.dtype) == ((size, size, 3), np.dtype(np.uint8))


def test_a_title_names_the_split_the_index_and_the_class() -> None:
    assert Scenes("train").title(12) == "scene train/12 (face)"


def test_the_box_is_the_tight_box_of_the_mask() -> None:
    data = scenes()
    for i in SOME:
        truth = data.truth(i)
        assert truth.mask is not None and truth.box is not None
        top, left, bottom, right = truth.box
        inside = truth.mask[top:bottom, left:right]
        assert inside.sum() == truth.mask.sum() > 0
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


def test_objects_fill_a_third_to_two_thirds_of_the_image() -> None:
    data = scenes()
    for i in SOME:
        box = data.truth(i).box
        assert box is not None
        longer = max(box[2] - box[0], box[3] - box[1])
        assert 0.3 * 64 <= longer <= 0.7 * 64


@pytest.mark.parametrize("size", [64, 160])
def test_parts_lie_on_the_object(size: int) -> None:
    data = scenes(size=size)
    for i in SOME:
        truth = data.truth(i)
        assert truth.mask is not None and truth.parts
        for name, (row, column) in truth.parts.items():
            assert truth.mask[int(row), int(column)], f"{name} of {data.title(i)}"


def test_a_nose_is_between_and_below_the_eyes_at_the_faces_angle() -> None:
    data = scenes()
    for i in SOME[:: len(data.classes)]:
        parts = {name: np.array(at) for name, at in data.truth(i).parts.items()}
        across = parts["right eye"] - parts["left eye"]
        nose = parts["nose"] - parts["left eye"]
        below = np.array([across[1], -across[0]])  # (row, column), across turned a quarter
        assert across[1] > 0
        assert 0 < nose @ across < across @ across
        assert nose @ below > 0


def test_the_eyes_of_a_face_are_dark_dots_on_light() -> None:
    data = scenes(size=256)
    for i in SOME[:: len(data.classes)]:
        image, parts = data.image(i).astype(float).mean(2), data.truth(i).parts
        for eye in ("left eye", "right eye"):
            row, column = (int(at) for at in parts[eye])
            around = image[row - 10 : row + 11, column - 10 : column + 11]
            assert image[row - 2 : row + 3, column - 2 : column + 3].min() < 0.5 * around.max()


def test_a_scene_is_in_the_same_place_at_every_size() -> None:
    """Averaged to half its size, it is nearer to the small one than a shift of half a pixel is."""
    small, large = scenes(size=64), scenes(size=128)
    for i in SOME:
        image = large.image(i)
        error = np.abs(halved(image) - small.image(i)).mean()
        shift = np.abs(halved(np.roll(image, 1, axis=1)) - halved(image)).mean()
        assert error < 0.5 * shift, small.title(i)


def test_masks_of_two_sizes_agree_away_from_the_outline() -> None:
    small, large = scenes(size=64), scenes(size=128)
    for i in SOME:
        a, b = small.truth(i).mask, large.truth(i).mask
        assert a is not None and b is not None
        share = halved(b)[..., 0]
        assert share[binary_erosion(a)].min(initial=1.0) > 0
        assert share[~binary_dilation(a)].max() < 1


def test_threads_draw_the_same_scenes() -> None:
    alone = [scenes().image(i).tobytes() for i in SOME]
    data = scenes()
    with ThreadPoolExecutor(2) as pool:
        together = [image.tobytes() for image in pool.map(data.image, SOME)]
    assert together == alone


def test_colour_says_little_about_the_class() -> None:
    """The mean colours of classes differ by less than those of the scenes of one class."""
    data = Scenes("train", count=360)
    colours = np.stack([data.image(i)[data.truth(i).mask].mean(0) for i in range(len(data))])
    groups = colours.reshape(30, len(data.classes), 3)  # (images,3) -> (turns,classes,3)
    between, within = groups.mean(0).std(0), groups.std(0).mean(0)
    assert (between < within).all()


@pytest.mark.parametrize("split", ["", "training", "Val"])
def test_an_unknown_split_is_refused_with_the_ones_there_are(split: str) -> None:
    with pytest.raises(ValueError, match="train, val, test"):
        Scenes(split)


@pytest.mark.parametrize("size", [-1, 0, 31, 257])
def test_a_size_that_cannot_be_drawn_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size}.*32 to 256"):
        Scenes("val", size=size)


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="count is 0"):
        Scenes("val", count=0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed is -1"):
        Scenes("val", seed=-1)


@pytest.mark.parametrize("index", [-1, 48])
def test_an_index_out_of_range_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=f"{index}.*0 to 47"):
        scenes().image(index)


@pytest.mark.parametrize("angle", np.linspace(0, 6, 7))
def test_distances_of_simple_shapes_are_exact_outside(angle: float) -> None:
    """A point 0.25 beyond the outline, along its normal, is 0.25 away."""
    u = np.full((1, 1), 1.25 * np.cos(angle), np.float32)
    v = np.full((1, 1), 1.25 * np.sin(angle), np.float32)
    bound = 8 * np.finfo(np.float32).eps
    for shape in (
        circle(u, v, (0, 0), 1.0),
        ellipse(u, v, (0, 0), (1.0, 1.0)),
        stroke(u, v, (0, 0), (0, 0), 1.0),
        box(u, v, (0, 0), (1.0, 1.0), rounding=1.0),
    ):
        assert abs(shape[0, 0] - 0.25) <= bound


def test_a_polygon_has_its_inside_on_the_right_of_its_edges_on_the_screen() -> None:
    corners = [(0.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    u, v = np.array([[0.0, 0.9, 0.0]], np.float32), np.array([[0.5, -0.5, 1.25]], np.float32)
    assert (polygon(u, v, corners) < 0).tolist() == [[True, False, False]]
    assert polygon(u, v, corners)[0, 2] == 0.25


def test_stripes_are_averaged_over_a_pixel() -> None:
    """Pixels that tile a whole number of periods hold the stripes' share between them."""
    pixel = 3.0 / 16
    along = (np.arange(16) + 0.5) * pixel
    mean = stripes(along, 1.0, 0.3, pixel).mean()
    assert abs(mean - 0.3) <= 64 * np.finfo(np.float64).eps


def test_noise_at_half_the_size_is_noise_averaged_over_two_pixels() -> None:
    """The box of two pixels of 1/128 is the pixel of 1/64; means of tiles agree to rounding."""
    fine, coarse = (noise_tile("clouds", size).astype(np.float64) for size in (128, 64))
    half = TEXELS // 128 // 2
    pair = 0.5 * (np.roll(fine, half, axis=1) + np.roll(fine, -half, axis=1))
    pair = 0.5 * (np.roll(pair, half, axis=0) + np.roll(pair, -half, axis=0))
    assert np.abs(pair - coarse).max() <= 8 * np.finfo(np.float32).eps
