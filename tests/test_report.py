"""The report: arrays as pictures, and one HTML page that carries everything within itself."""

import base64
import io
import os
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from zfnet.report import MapCard, OcclusionCard, Page
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

HOSTILE = "<script>alert(\"1\")</script> & $title 'x'"
NAMESPACES = ("http://www.w3.org/2000/svg",)
VOID = {"meta", "link", "img", "br"}


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def flat(h: int, w: int, value: int) -> np.ndarray:
    return np.full((h, w, 3), value, np.uint8)


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def history(epochs: int = 4) -> list[dict[str, float | int | str | None]]:
    return [
        {
            "epoch": e,
            "train_loss": 2 / e,
            "val_loss": 2.2 / e,
            "train_accuracy": 1 - 0.8 / e,
            "val_accuracy": 1 - 0.9 / e,
        }
        for e in range(1, epochs + 1)
    ]


def map_card(side: int = 8, note: str = "") -> MapCard:
    rng = np.random.default_rng(side)
    projections = [rng.normal(size=(3, side, side)) for _ in range(9)]
    return MapCard(5, 12.3, projections, [noise(side, side, 3, seed=i) for i in range(9)], note)


def occlusion_card(title: str = "scene 1", classes: tuple[str, ...] = ("a", "b")) -> OcclusionCard:
    cells = np.random.default_rng(1).random((5, 5))
    winner = (cells > 0.5).astype(np.int64)
    return OcclusionCard(
        title, noise(32, 32, 3), 0, classes, 8, cells, 9 * cells, winner, 3, (4, 4, 20, 20)
    )


def full_page(name: str = "face") -> Page:
    page = Page(name, name, [(name, name)], kicker=name, footer=name)
    section = page.section(name, name, anchor=name)
    section.subheading(name).paragraph(name).code(name)
    section.figure(noise(4, 4, 3), name, name).gallery([(noise(4, 4, 3), name)])
    section.table([name, "n"], [[name, 1]]).curves(history(), name)
    section.fig2(name, [map_card(note=name)]).occlusion([occlusion_card(name, (name, name))])
    return page


class Balance(HTMLParser):
    """Collects the elements of a page and demands that what opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: Page) -> Balance:
    parser = Balance()
    parser.feed(page.html())
    parser.close()
    return parser


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


def test_a_projection_of_a_single_pixel_is_still_seen() -> None:
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


def test_an_overlay_lies_between_image_and_heat() -> None:
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
    paths = re.findall(r'class="line" d="M([^"]+)"', svg)
    pairs = [[place.split() for place in path.split("L")] for path in paths]
    return [[(float(x), float(y)) for x, y in path] for path in pairs]


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


def test_one_epoch_is_drawn_as_a_point() -> None:
    assert curve(history(1), ["loss"]).count("<circle") == 2


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


def test_what_users_name_cannot_become_markup() -> None:
    html = full_page(HOSTILE).html()
    assert "<script" not in html
    assert '"1"' not in html
    assert "$title" in html


def test_every_element_is_closed() -> None:
    parser = parsed(full_page(HOSTILE))
    assert parser.open == []
    assert len(parser.seen) > 50


def test_code_between_backticks_is_set_as_code() -> None:
    page = Page("t", "l")
    page.section("s", "run `a < b` now")
    assert "run <code>a &lt; b</code> now" in page.html()


def embedded(html: str) -> list[str]:
    svgs = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", html)
    return [base64.b64decode(data).decode("utf-8") for data in svgs]


def test_a_page_asks_for_nothing_outside_itself() -> None:
    html = full_page().html()
    svgs = embedded(html)
    assert len(svgs) == 2
    text = "".join([html, *svgs])
    for namespace in NAMESPACES:
        text = text.replace(f'xmlns="{namespace}"', "")
    assert re.findall(r"https?:|url\(|@import|<script|<iframe|//\w+\.", text) == []


def test_every_reference_is_data_or_an_anchor_of_the_page() -> None:
    seen = parsed(full_page()).seen
    anchors = {f"#{attributes['id']}" for _, attributes in seen if "id" in attributes}
    for _, attributes in seen:
        for name in ("src", "href"):
            target = attributes.get(name) or "data:"
            assert target.startswith("data:") or target in anchors


def test_every_picture_has_an_alternative_text() -> None:
    pictures = [attributes for tag, attributes in parsed(full_page()).seen if tag == "img"]
    assert len(pictures) >= 10
    assert all(attributes["alt"] for attributes in pictures)


def test_sections_of_one_name_get_anchors_of_their_own() -> None:
    page = Page("t", "l")
    anchors = [page.section("Layer 1").anchor for _ in range(3)]
    assert anchors == ["layer-1", "layer-1-2", "layer-1-3"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first = full_page().write(tmp_path / "a.html")
    second = full_page().write(tmp_path / "b.html")
    assert first.read_bytes() == second.read_bytes()


def test_a_page_is_written_into_a_new_folder_and_alone(tmp_path: Path) -> None:
    path = full_page().write(tmp_path / "new" / "index.html")
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.html"
    path.write_text("old")

    def full_disk(file: Path, data: bytes) -> int:
        with open(file, "wb") as stream:
            stream.write(data[:10])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        full_page().write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_both_mosaics_of_a_card_have_one_size() -> None:
    page = Page("t", "l")
    page.section("s").fig2("Layer 3", [map_card(7), map_card(43), map_card(171)])
    sizes = [(a["width"], a["height"]) for tag, a in parsed(page).seen if tag == "img"]
    assert sizes[::2] == sizes[1::2]
    assert len(set(sizes)) == 3


def photograph_card(field: int) -> MapCard:
    rng = np.random.default_rng(field)
    photographs = load_sample_images().images
    patches, projections = [], []
    for i in range(9):
        photograph = photographs[i % 2]
        top, left = (rng.integers(0, side - field + 1) for side in photograph.shape[:2])
        patch = photograph[top : top + field, left : left + field]
        # Like a projection: the patch's colours where it has edges, zero elsewhere.
        edges = np.hypot(*np.gradient(patch.mean(axis=2)))
        patches.append(patch)
        projections.append(
            ((patch - patch.mean(axis=(0, 1))) * edges[..., None]).transpose(2, 0, 1)
        )
    return MapCard(field, 1.0, projections, patches)


def test_five_layers_of_nine_maps_on_photographs_stay_under_six_megabytes() -> None:
    page = Page("t", "l")
    page.section("s").fig2("x", [photograph_card(field) for field in (7, 27, 75, 107, 171)])
    assert 9 * len(page.html()) < 6e6


def test_large_patches_are_reduced_and_small_ones_enlarged() -> None:
    page = Page("t", "l")
    page.section("s").fig2("x", [map_card(7), map_card(64), map_card(171)])
    widths = [int(a["width"] or 0) for tag, a in parsed(page).seen if tag == "img"]
    # Three tiles and two gaps of 3 pixels: 7 times 14, 64 as it is, 171 down to 128.
    assert widths[::2] == [3 * 98 + 6, 3 * 64 + 6, 3 * 128 + 6]


def test_a_projection_without_its_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="map 5"):
        MapCard(5, 1.0, [np.zeros((3, 4, 4))], [flat(4, 5, 0)])


def shown_pictures(page: Page) -> list[np.ndarray]:
    sources = [a["src"] or "" for tag, a in parsed(page).seen if tag == "img"]
    return [decoded(base64.b64decode(source.partition(",")[2])) for source in sources]


def winners_by_position() -> OcclusionCard:
    """Flat 32 x 32 image, cells over rows 8..24 and columns 16..32: 0 0 above, 0 1 below."""
    cells, winner = np.zeros((2, 2)), np.array([[0, 0], [0, 1]])
    image, names = flat(32, 32, 90), ("cat", "dog", "cow")
    return OcclusionCard(
        "x", image, 0, names, 4, cells, cells, winner, 7, None, extent=(8, 16, 24, 32)
    )


def test_occlusion_cells_lie_where_the_square_stood() -> None:
    page = Page("t", "l")
    page.section("s").occlusion([winners_by_position()])
    winners = shown_pictures(page)[3]
    assert winners.shape == (320, 320, 3)
    true, other = winners[80, 160], winners[239, 319]
    assert not np.array_equal(true, other)
    assert np.all(winners[80:160, 160:] == true) and np.all(winners[160:240, 160:240] == true)
    assert np.all(winners[160:240, 240:] == other)
    outside = winners.copy()
    outside[80:240, 160:] = winners[0, 0]
    assert np.all(outside == winners[0, 0])


def test_the_legend_lists_the_classes_that_won_and_their_shares() -> None:
    page = Page("t", "l")
    page.section("s").occlusion([winners_by_position()])
    legend = re.findall(r"</i>(\w+)<span>([^<]+)</span></li>", page.html())
    assert legend == [("cat", "75 %"), ("dog", "25 %")]


def test_the_square_is_shown_at_its_size_away_from_the_object() -> None:
    cells, winner = np.zeros((2, 2)), np.zeros((2, 2), np.int64)
    page = Page("t", "l")
    card = OcclusionCard(
        "x", flat(32, 32, 90), 0, ("a",), 4, cells, cells, winner, 7, (0, 0, 30, 20)
    )
    page.section("s").occlusion([card])
    scene = shown_pictures(page)[0]
    assert np.all(scene[1:39, 281:319] == 128)  # 4 pixels at 10 times, within its edge
    assert np.all(scene[41:, 281:] == 90)


def test_a_mask_of_another_size_is_refused() -> None:
    cells, winner = np.zeros((2, 2)), np.zeros((2, 2), np.int64)
    with pytest.raises(ValueError, match=r"\(9, 8\)"):
        OcclusionCard(
            "x", flat(8, 8, 0), 0, ("a",), 2, cells, cells, winner, 0, np.ones((9, 8), bool)
        )


def test_occlusion_maps_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        cells = np.zeros((3, 3))
        winner = np.zeros((2, 2), np.int64)
        OcclusionCard("x", flat(8, 8, 0), 0, ("a",), 2, cells, cells, winner, 0)


def test_a_class_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="of 1 names"):
        occlusion_card(classes=("a",))


def test_a_table_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="3 cells under a header of 2"):
        Page("t", "l").section("s").table(["a", "b"], [[1, 2, 3]])


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="GIF89a"):
        Page("t", "l").section("s").figure(b"GIF89a...", "caption", "alt")
