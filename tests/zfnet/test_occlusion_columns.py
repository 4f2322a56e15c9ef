"""Fig 7's columns on a page and as a figure."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zfnet.reporting import flat, noise, parsed
from zfnet.report import OcclusionCard, Page
from zfnet.report.occlusion import panels
from zfnet.report.occlusion_figure import occlusion_figure


def card(projections: int) -> OcclusionCard:
    cells = np.random.default_rng(1).random((5, 5))
    shown = [np.random.default_rng(i).normal(size=(3, 32, 32)) for i in range(projections)]
    winner = (cells > 0.5).astype(np.int64)
    return OcclusionCard("x", noise(32, 32, 3), 0, ("a", "b"), 8, cells, 9 * cells, winner, 3,
                         projections=shown)  # fmt: skip


def test_the_columns_stand_in_the_papers_order() -> None:
    captions = [panel.caption for panel in panels(card(4))]
    for caption, begins in zip(
        captions,
        ["(a) a square of 8", "(b) total activation", "(c) map 3 proj", "(d) probab", "(e) most"],
        strict=True,
    ):
        assert caption.startswith(begins)


def test_without_projections_there_are_four_columns() -> None:
    assert len(panels(card(0))) == 4


@pytest.mark.parametrize(("count", "said"), [(1, "map 3 projected"), (4, "3 other images")])
def test_the_projections_are_as_large_as_the_image(count: int, said: str) -> None:
    shown = panels(card(count))
    assert shown[2].picture.shape == shown[0].picture.shape
    assert said in shown[2].caption


def test_a_page_shows_five_pictures_of_an_image() -> None:
    page = Page("t", "l")
    page.section("s").occlusion([card(4)])
    assert sum(tag == "img" for tag, _ in parsed(page).seen) == 5


def test_the_figure_has_a_panel_a_column() -> None:
    assert len(occlusion_figure(card(4)).axes) == 5
    assert occlusion_figure(card(0)).get_suptitle() == "x: a"


def test_a_card_of_flat_maps_is_drawn_all_the_same() -> None:
    cells, winner = np.zeros((2, 2)), np.zeros((2, 2), np.int64)
    shown = OcclusionCard("x", flat(8, 8, 90), 0, ("a",), 2, cells, cells, winner, 7)
    assert occlusion_figure(shown).axes


def test_the_probabilitys_colours_reach_up_to_the_largest_one() -> None:
    cells, winner = np.array([[0.0, 0.03], [0.06, 0.01]]), np.zeros((2, 2), np.int64)
    shown = panels(OcclusionCard("x", flat(8, 8, 90), 0, ("a",), 2, cells, cells, winner, 7))
    assert shown[2].scale == ("viridis", "0", "0.06")
