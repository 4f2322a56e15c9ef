"""Arrays as pictures: PNGs, projections, heat maps, mosaics, curves."""

import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.reporting import NAMESPACES, decoded, flat, history, noise
from zfnet.report.pictures import (
    contrast_stretch,
    curve,
    encode,
    filters,
    heatmap,
    mosaic,
    outline,
    overlay,
    png,
)

pytestmark = pytest.mark.quick


def test_a_png_decodes_to_the_pixels_it_was_made_of() -> None:
    many_colours = noise(40, 30, 3)
    assert np.array_equal(decoded(png(many_colours)), many_colours)


def test_a_picture_of_few_colours_keeps_its_pixels_in_a_palette() -> None:
    few = noise(40, 30, 3) // 64 * 64
    with Image.open(io.BytesIO(png(few))) as opened:
        assert opened.mode == "P"
        assert np.array_equal(np.asarray(opened.convert("RGB")), few)


def test_a_grey_picture_becomes_a_png() -> None:
    grey = noise(5, 7)
    assert np.array_equal(decoded(png(grey))[..., 0], grey)


def test_png_enlarges_every_pixel_to_a_square() -> None:
    image = noise(3, 2, 3)
    assert np.array_equal(decoded(png(image, 4)), np.kron(image, np.ones((4, 4, 1), np.uint8)))


def test_encode_never_takes_more_bytes_than_png() -> None:
    smooth = heatmap(np.random.default_rng(0).random((20, 20)), (400, 400), smooth=True)
    assert len(encode(smooth)) < len(png(smooth))


def test_encode_takes_pictures_of_pure_noise() -> None:
    assert decoded(encode(noise(390, 390, 3))).shape == (390, 390, 3)


def test_encode_leaves_small_pictures_lossless() -> None:
    small = noise(21, 21, 3)
    assert np.array_equal(decoded(encode(small)), small)


@pytest.mark.parametrize("bad", [np.zeros((4, 4, 3)), np.zeros((4, 4, 3), np.int64)])
def test_png_refuses_other_dtypes(bad: np.ndarray) -> None:
    with pytest.raises(TypeError, match=str(bad.dtype)):
        png(bad)


@pytest.mark.parametrize("shape", [(4,), (4, 4, 4), (0, 4, 3), (1, 4, 4, 3)])
def test_png_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        png(np.zeros(shape, np.uint8))


def test_png_refuses_a_scale_of_zero() -> None:
    with pytest.raises(ValueError, match="scale is 0"):
        png(noise(2, 2, 3), 0)


def test_zero_is_mid_grey_in_a_stretched_projection() -> None:
    projection = np.zeros((3, 4, 5))
    projection[:, 1, 2] = [3, -3, 1]
    shown = contrast_stretch(projection, 100)
    assert shown.shape == (4, 5, 3)
    assert np.all(shown[0, 0] == 128)
    assert shown[1, 2].tolist() == [255, 1, 170]  # 128 + 127 / 3 = 170.33


def test_stretching_the_negative_mirrors_about_grey() -> None:
    projection = np.random.default_rng(2).normal(size=(3, 9, 9))
    both = contrast_stretch(projection).astype(int) + contrast_stretch(-projection)
    assert np.all(both == 256)


def test_the_scale_of_a_projection_does_not_change_its_picture() -> None:
    projection = np.random.default_rng(3).normal(size=(3, 9, 9))
    # A power of two scales without rounding.
    assert np.array_equal(contrast_stretch(projection), contrast_stretch(projection * 1024))


def test_one_bright_pixel_does_not_dim_a_projection() -> None:
    projection = np.ones((3, 40, 40))
    projection[0, 0, 0] = 1000
    assert np.all(contrast_stretch(projection)[1:] == 255)


def test_a_projection_of_a_single_pixel_is_visible() -> None:
    projection = np.zeros((3, 40, 40))
    projection[0, 5, 5] = 1e-3
    assert contrast_stretch(projection)[5, 5].tolist() == [255, 128, 128]


def test_a_projection_of_zeros_is_flat_grey() -> None:
    assert np.all(contrast_stretch(np.zeros((3, 4, 4), np.float32)) == 128)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_projection_with_a_value_that_is_no_number_is_refused(bad: float) -> None:
    projection = np.zeros((3, 4, 4))
    projection[1, 2, 3] = bad
    with pytest.raises(ValueError, match="1 of 48 values"):
        contrast_stretch(projection)


def test_filters_share_one_contrast() -> None:
    weights = np.zeros((2, 3, 5, 5))
    weights[0, 0, 2, 2], weights[1, 0, 2, 2] = 1.0, -0.5
    strong, weak = filters(weights)
    assert strong[2, 2].tolist() == [255, 128, 128]
    assert weak[2, 2].tolist() == [64, 128, 128]  # 128 - 63.5, the half to the even


def test_filters_can_be_stretched_one_by_one() -> None:
    weights = np.zeros((2, 3, 5, 5))
    weights[0, 0, 2, 2], weights[1, 0, 2, 2] = 1.0, -0.5
    assert filters(weights, common_scale=False)[1][2, 2].tolist() == [1, 128, 128]


def test_filters_that_are_not_of_three_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("(8, 16, 3, 3)")):
        filters(np.zeros((8, 16, 3, 3)))


@pytest.mark.parametrize("smooth", [True, False])
def test_a_heat_map_has_the_asked_size(smooth: bool) -> None:
    shown = heatmap(np.arange(12.0).reshape(3, 4), (31, 50), smooth=smooth)
    assert shown.shape == (31, 50, 3)
    assert shown.dtype == np.uint8


def test_a_heat_map_runs_from_the_first_colour_to_the_last() -> None:
    shown = heatmap(np.array([[-5.0, 0.25, 7.0]]), (1, 3), cmap="gray", low=0, high=1)
    assert shown[0, :, 0].tolist() == [0, 64, 255]


def test_a_constant_heat_map_takes_one_colour() -> None:
    assert len(np.unique(heatmap(np.full((3, 3), 7.0), (9, 9)).reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize(
    ("values", "settings", "said"),
    [
        (np.array([[np.nan, 1.0]]), {}, "1 of 2"),
        (np.ones((2, 2)), {"cmap": "nothing"}, "nothing"),
        (np.ones((2, 2)), {"low": 2.0, "high": 1.0}, "low=2"),
        (np.ones((2, 2)), {"low": np.nan}, "low=nan"),
        (np.ones(4), {}, r"\(4,\)"),
    ],
)
def test_a_heat_map_that_cannot_be_drawn_is_refused(
    values: np.ndarray, settings: dict[str, float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        heatmap(values, (4, 4), **settings)  # type: ignore[arg-type]


def test_an_overlay_is_between_image_and_heat() -> None:
    image, heat = flat(2, 2, 100), flat(2, 2, 200)
    assert np.all(overlay(image, heat, 0.25) == 125)


def test_an_overlay_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        overlay(flat(2, 2, 0), flat(2, 3, 0))


def test_an_outline_is_the_inner_edge_of_a_box() -> None:
    drawn = outline(flat(6, 7, 0), (1, 2, 5, 6), (255, 0, 0))[..., 0] > 0
    expected = np.zeros((6, 7), bool)
    expected[1:5, 2:6] = True
    expected[2:4, 3:5] = False
    assert np.array_equal(drawn, expected)


def test_an_object_cut_by_the_border_is_outlined_there_too() -> None:
    drawn = outline(flat(4, 4, 0), np.ones((4, 4), bool))[..., 0] > 0
    assert drawn[0].all() and drawn[:, 0].all() and not drawn[1:3, 1:3].any()


def test_an_outline_leaves_its_picture_alone() -> None:
    image = flat(4, 4, 7)
    outline(image, (0, 0, 4, 4))
    assert np.all(image == 7)


def test_a_mosaic_lays_tiles_row_by_row_with_gaps_between() -> None:
    sheet = mosaic([flat(4, 5, i) for i in range(1, 10)], 3, 2, (0, 0, 0))
    assert sheet.shape == (3 * 4 + 2 * 2, 3 * 5 + 2 * 2, 3)
    assert sheet[::6, ::7, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert not sheet[4:6].any() and not sheet[:, 5:7].any()


def test_a_mosaic_keeps_every_pixel_of_its_tiles() -> None:
    tiles = [noise(4, 5, 3, seed=i) for i in range(6)]
    sheet = mosaic(tiles, 3, 1)
    for i, tile in enumerate(tiles):
        top, left = i // 3 * 5, i % 3 * 6
        assert np.array_equal(sheet[top : top + 4, left : left + 5], tile)


def test_a_short_last_row_of_a_mosaic_is_background() -> None:
    sheet = mosaic([flat(2, 2, 9)] * 4, 3, 1, (1, 2, 3))
    assert sheet.shape == (5, 8, 3)
    assert np.all(sheet[3:, 3:] == (1, 2, 3))


def test_a_smaller_tile_is_centred_in_its_cell() -> None:
    sheet = mosaic([flat(6, 6, 9), flat(2, 4, 9)], 2, 0, (0, 0, 0))
    expected = np.zeros((6, 6), bool)
    expected[2:4, 1:5] = True
    assert np.array_equal(sheet[:, 6:, 0] > 0, expected)


def test_a_mosaic_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 tiles"):
        mosaic([], 3)


def test_a_curve_is_well_formed_xml() -> None:
    assert ElementTree.fromstring(curve(history())).tag == f"{{{NAMESPACES[0]}}}svg"


def lines_of(svg: str) -> list[list[tuple[float, float]]]:
    """The places of the training and of the validation line, in the picture's units."""
    root, found = ElementTree.fromstring(svg), []
    for name in ("train", "val"):
        path = root.find(f".//{{{NAMESPACES[0]}}}g[@id='{name}']/{{{NAMESPACES[0]}}}path")
        numbers = re.findall(r"[\d.]+", "" if path is None else path.attrib["d"])
        found.append([(float(x), float(y)) for x, y in zip(*[iter(numbers)] * 2, strict=True)])
    return found


def test_a_falling_loss_is_drawn_falling_from_left_to_right() -> None:
    train, val = lines_of(curve(history(), ["loss"]))
    for line in (train, val):
        assert line == sorted(line) and len(line) == 4
        assert [y for _, y in line] == sorted(y for _, y in line)  # y grows downwards


def test_epochs_without_validation_are_left_out_of_its_line() -> None:
    records = history(5)
    records[2]["val_loss"], records[3]["val_loss"] = None, float("nan")
    train, val = lines_of(curve(records, ["loss"]))
    assert (len(train), len(val)) == (5, 3)


def test_a_history_read_from_csv_gives_the_same_curve() -> None:
    texts = [{key: str(value) for key, value in record.items()} for record in history()]
    assert curve(texts) == curve(history())


def test_the_end_of_each_line_is_marked_and_one_epoch_is_a_mark_alone() -> None:
    for epochs in (1, 4):
        root = ElementTree.fromstring(curve(history(epochs), ["loss"]))
        for name in ("train", "val"):
            (line,) = root.iterfind(f".//{{{NAMESPACES[0]}}}g[@id='{name}']")
            assert len(list(line.iter(f"{{{NAMESPACES[0]}}}use"))) == 1


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "at least one"),
        ([{"epoch": 1, "val_accuracy": 96.3}], "96.3"),
        ([{"epoch": 1, "train_loss": -1.0}], "-1"),
    ],
)
def test_a_history_that_cannot_be_drawn_is_refused(records: list, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        curve(records)
