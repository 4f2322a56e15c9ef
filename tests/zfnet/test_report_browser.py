"""Pages in a real browser: sizes, enlarging by mouse, key, touch, colour schemes, no overflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.zfnet.browsers import chromium
from tests.zfnet.reporting import full_page, map_card, noise
from zfnet.report import MapCard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Tab

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CLOSE = """new Promise((done) => {
  const dialog = document.querySelector("dialog");
  if (!dialog.open) return done();
  dialog.addEventListener("close", done, { once: true });
  dialog.close();
})"""
"""Closes what is enlarged, and waits until the focus has gone back."""
LEAST = 96
"""Pixels of a tile on a wide page."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


def deep_card(side: int = 120) -> MapCard:
    """Nine projections whose energy lies in a quarter of their field, by two rules."""
    rng = np.random.default_rng(3)
    projections = []
    for n in range(9):
        projection = np.zeros((3, side, side))
        top, left = 5 + 6 * n, 60 - 6 * n
        projection[:, top : top + 50, left : left + 50] = rng.normal(size=(3, 50, 50)) * (n + 1)
        projections.append(projection)
    patches = [noise(side, side, 3, seed=n) for n in range(9)]
    titles = [f"image {n}" for n in range(9)]
    card = MapCard(43, 3868.4, projections, patches, "7 of 9: face", "deconvnet", titles=titles)
    return replace(card, others={"guided": [-p for p in projections]})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    page = full_page("a name of a network that is long enough to need a line of its own")
    section = page.section("Strongest activations", "Text above the cards. " * 12)
    section.fig2("`conv3` · receptive field", [map_card(8), replace(deep_card(), others={})])
    section.fig2("`conv5` · receptive field", [deep_card()], "A note.")
    section.table([f"column {n}" for n in range(14)], [["12.345 to 67.890"] * 14])
    section.figure(noise(40, 400, 3), "A wide picture.", "noise", width=1120)
    return page.write(tmp_path_factory.mktemp("page") / "index.html").resolve().as_uri()


@pytest.fixture(scope="module")
def tab(browser: Browser, address: str) -> Iterator[Tab]:
    """A wide page."""
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


@pytest.fixture(autouse=True)
def closed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "tab" in request.fixturenames:
        request.getfixturevalue("tab").evaluate(CLOSE)


def is_open(tab: Tab) -> bool:
    return bool(tab.evaluate("document.querySelector('dialog').open"))


def of_deep(tab: Tab) -> Locator:
    """The tiles of the card with two rules: 9 by the deconvnet, 9 guided, 9 images."""
    return tab.locator(".tiles.lines .tile")


def test_no_tile_of_a_wide_page_is_small(tab: Tab) -> None:
    sizes = tab.evaluate(
        "[...document.querySelectorAll('.tile')].map(e => e.getBoundingClientRect())"
        ".map(b => [b.width, b.height])"
    )
    assert len(sizes) >= 60
    assert min(min(size) for size in sizes) >= LEAST
    projections = tab.evaluate(
        "[...document.querySelectorAll('.tile.signed')].map(e => e.getBoundingClientRect().width)"
    )
    assert min(projections) >= 128


def test_cards_take_the_width_of_a_wide_page(tab: Tab) -> None:
    for card in tab.locator(".card").all():
        box = card.bounding_box()
        assert box is not None and box["width"] > 0.85 * WIDE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["390", "1280"])
def test_nothing_overflows(
    browser: Browser, address: str, size: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(address)
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) <= size["width"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, paper.strip("rgb()").split(","))) > 3 * 128
    assert light == (scheme == "light")
    page.locator(".tiles.lines .tile").nth(20).click()
    assert page.evaluate(width) <= size["width"]
    dialog = "const d = document.querySelector('dialog'); d.scrollWidth <= d.clientWidth"
    assert page.evaluate(dialog)
    box = page.locator("dialog").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    assert errors == []
    context.close()


def test_a_click_shows_image_projections_and_both(tab: Tab) -> None:
    of_deep(tab).nth(3).click()
    assert is_open(tab)
    captions = tab.locator("dialog figcaption").all_text_contents()
    assert captions == ["image", "projection, deconvnet", "projection, guided", "both"]
    assert tab.locator(".zoom-title").text_content() == "Map 43 · 4 of 9 · image 3"
    widths = [box["width"] for t in tab.locator("dialog figure").all() if (box := t.bounding_box())]
    own = of_deep(tab).nth(3).bounding_box()
    assert own is not None and min(widths) > 1.5 * own["width"]


def test_the_slider_and_the_choice_change_what_lies_over_the_image(tab: Tab) -> None:
    of_deep(tab).nth(0).click()
    upper = tab.locator("dialog .upper")
    before = upper.locator("img").get_attribute("src")
    tab.locator("dialog input[type=range]").fill("25")
    assert upper.evaluate("e => e.style.opacity") == "0.25"
    tab.locator("dialog select").select_option("1")
    assert tab.locator("dialog .upper img").get_attribute("src") != before
    tab.locator("dialog input[type=range]").fill("60")
    tab.locator("dialog select").select_option("0")


def test_the_whole_field_is_shown_with_the_window_framed(tab: Tab) -> None:
    of_deep(tab).nth(0).click()
    assert tab.locator("dialog .window").count() == 0
    tab.locator("dialog .switch input").check()
    assert tab.locator("dialog .window").count() == 5
    share = tab.locator("dialog .tile").first.evaluate(
        "e => e.querySelector('.window').offsetWidth / e.offsetWidth"
    )
    assert 0.3 < share < 0.6  # 50 of 120 pixels
    tab.locator("dialog .switch input").uncheck()


def test_keys_go_from_tile_to_tile_and_enlarge(tab: Tab) -> None:
    tiles = of_deep(tab)
    tiles.nth(0).focus()
    for key, expected in (("ArrowRight", 1), ("ArrowDown", 10), ("ArrowLeft", 9), ("ArrowUp", 0)):
        tab.keyboard.press(key)
        assert tiles.nth(expected).evaluate("e => e === document.activeElement"), key
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    for key in ("Enter", " "):
        tab.keyboard.press(key)
        assert is_open(tab)
        tab.keyboard.press("ArrowRight")
        assert "2 of 9" in (tab.locator(".zoom-title").text_content() or "")
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("Escape")
        assert not is_open(tab)
        assert tiles.nth(0).evaluate("e => e === document.activeElement")


def test_the_tab_key_stops_once_at_each_set_of_tiles(tab: Tab) -> None:
    stops = tab.evaluate("[...document.querySelectorAll('.tile')].filter(e => !e.tabIndex).length")
    assert stops == tab.locator(".tiles").count() > 1


def test_a_figure_is_enlarged_too(tab: Tab) -> None:
    figure = tab.locator("main figure > img").first
    figure.focus()
    tab.keyboard.press("Enter")
    assert is_open(tab) and tab.locator("dialog img").count() == 1


def test_a_tap_enlarges_and_another_closes(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    of_deep(page).nth(4).tap()
    assert is_open(page)
    buttons = page.locator("dialog button")
    sizes = [box for each in buttons.all() if (box := each.bounding_box())]
    assert all(min(box["width"], box["height"]) >= 44 for box in sizes)
    page.get_by_role("button", name="Next picture").tap()
    assert "6 of 9" in (page.locator(".zoom-title").text_content() or "")
    page.get_by_role("button", name="Close").tap()
    assert not is_open(page)
    context.close()


def test_one_contrast_or_each_its_own_without_a_script(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport=WIDE, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    pictures = page.locator(".tiles.lines .tile.signed img")
    weak, strong = pictures.nth(0), pictures.nth(8)
    assert all(each.is_visible() for each in page.locator(".tile img").all())
    switch = page.locator(".own-contrast").last
    assert not switch.is_checked()
    before = [each.screenshot() for each in (weak, strong)]
    switch.check()
    after = [each.screenshot() for each in (weak, strong)]
    assert before[0] != after[0]
    context.close()


def test_a_page_that_is_computed_loads_itself_again(browser: Browser, tmp_path: Path) -> None:
    page = full_page()
    page.unfinished = "2 of 3 layers."
    file = page.write(tmp_path / "index.html")
    context = browser.new_context()
    tab = context.new_page()
    tab.clock.install()
    tab.goto(file.resolve().as_uri())
    assert tab.locator(".status").text_content() == "2 of 3 layers."
    page.unfinished = ""
    page.write(file)
    with tab.expect_navigation():
        tab.clock.fast_forward(20_000)
    assert tab.locator(".status").count() == 0
    context.close()
