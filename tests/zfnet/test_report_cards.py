"""The cards of a page: Fig 2 and the occluding square."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from tests.zfnet.reporting import decoded, flat, map_card, occlusion_card, parsed
from zfnet.report import MapCard, OcclusionCard, Page


def test_a_card_shows_every_projection_beside_its_patch_at_the_fields_size() -> None:
    page = Page("t", "l")
    page.section("s").fig2("Layer 3", [map_card(7), map_card(43), map_card(171)])
    sides = [picture.shape[:2] for picture in shown_pictures(page)]
    assert sides == [(side, side) for side in (7, 43, 171) for _ in range(18)]


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


def test_a_projection_without_its_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="map 5"):
        MapCard(5, 1.0, [np.zeros((3, 4, 4))], [flat(4, 5, 0)])


def test_projections_by_other_rules_stand_in_rows_of_their_own() -> None:
    card = map_card(8)
    both = replace(card, by="deconvnet", others={"guided": card.projections})
    page = Page("t", "l")
    page.section("s").fig2("x", [both])
    assert len(shown_pictures(page)) == 27
    names = re.findall(r'class="row-name">([^<]+)<', page.html())
    assert names == ["projection, deconvnet", "projection, guided", "image"]


def test_projections_by_other_rules_of_another_size_are_refused() -> None:
    card = map_card(8)
    with pytest.raises(ValueError, match="map 5"):
        replace(card, others={"guided": card.projections[:3]})


def test_the_tiles_of_a_card_share_one_contrast() -> None:
    """The factor of each tile makes of its own contrast that of all nine."""
    weak, strong = np.zeros((3, 20, 20)), np.zeros((3, 20, 20))
    weak[:, 5:15, 5:15], strong[:, 5:15, 5:15] = 1.0, 4.0
    card = MapCard(0, 1.0, [strong, weak], [flat(20, 20, 9)] * 2)
    page = Page("t", "l")
    page.section("s").fig2("x", [card])
    assert re.findall(r"--c:([\d.]+)", page.html()) == ["1", "0.25"]
    own = shown_pictures(page)[1]
    assert own[10, 10].tolist() == [255, 255, 255]  # the weak one at its own contrast


def test_a_layer_in_which_nothing_is_active_says_so() -> None:
    page = Page("t", "l")
    page.section("s").fig2("conv5", [])
    assert "None of its maps was active" in page.html()


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
    assert legend == [("cat", "75\u00a0%"), ("dog", "25\u00a0%")]


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
