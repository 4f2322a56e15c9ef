"""Live page in a real browser: images dropped, units clicked, the square dragged, pages saved."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.browsers import chromium
from tests.zfnet.live_page import Live, live
from tests.zfnet.tiny import network
from zfnet.look.gallery import Gallery, found_images
from zfnet.look.session import Opened, Session

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DROP = """([bytes, name]) => {
  const data = Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([data], name, { type: "image/png" }));
  const target = document.querySelector("main");
  const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
  target.dispatchEvent(new DragEvent("drop", options));
}"""
BARE = """[...document.querySelectorAll("figure")].filter((each) => each.offsetWidth
  && each.querySelector("canvas").width > 1 && !/[0-9]/.test(each.textContent))
  .map((each) => each.outerHTML)"""
"""Figures without a number, so without a scale."""
UNNAMED = """[...document.querySelectorAll("button, input, select, canvas[tabindex]")]
  .filter((each) => !(each.title || each.ariaLabel || each.labels?.length
    || each.textContent.trim())).map((each) => each.outerHTML)"""
"""Controls that do not say what they do."""
LONG = 60_000
"""Milliseconds that a first answer may take, in which kernels are compiled."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*CAMERA) as launched:
        yield launched


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for n in range(3):
        pixels = rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"<img src=x onerror=alert({n})>.png")
    (folder / "broken.png").write_bytes(b"no picture")
    with live(Session([Opened(network(), "tiny")], Gallery(found_images([folder])))) as running:
        yield running


@pytest.fixture
def tab(browser: Browser, page: Live) -> Iterator[Tab]:
    """A wide page, usable; errors of its scripts fail the test."""
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    context.set_default_timeout(LONG)
    found, errors = context.new_page(), list[str]()
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("dialog", lambda dialog: errors.append(dialog.message))
    opened(found, page.address)
    yield found
    context.close()
    assert errors == []


def opened(tab: Tab, address: str) -> None:
    tab.goto(address)
    tab.wait_for_selector("html[data-projected]", state="attached")


def test_the_page_says_that_it_computes_while_an_answer_takes_long(tab: Tab, page: Live) -> None:
    tab.wait_for_selector("#computing:empty", state="attached")
    tab.route("**/api/about*", lambda route: None)  # it is never answered
    tab.goto("about:blank")
    tab.goto(page.address)
    tab.wait_for_selector("#computing:not(:empty)")
    assert "compiled" in (tab.locator("#computing").text_content() or "")


def about(tab: Tab) -> str:
    return tab.locator("#unit-about").text_content() or ""


def changed_about(tab: Tab, before: str) -> str:
    """The sentence about the unit, once it is another one."""
    for _ in range(600):
        if about(tab) != before:
            break
        tab.wait_for_timeout(100)
    assert about(tab) != before
    return about(tab)


def map_of(tab: Tab, said: str) -> None:
    """Wait until the map in full is that of the unit in the sentence."""
    tab.locator(".map-figure .figure-title").get_by_text(said.split(" at (")[0]).wait_for()


def another_unit(tab: Tab, said: str) -> str:
    """Click the first unit of the map, or the last where the first one is chosen."""
    map_of(tab, said)
    box = tab.locator("#map").bounding_box()
    assert box is not None
    last = " at (0, 0): " in said
    near, far = {"x": 3, "y": 3}, {"x": box["width"] - 3, "y": box["height"] - 3}
    tab.locator("#map").click(position=far if last else near)  # type: ignore[arg-type]
    return "last" if last else "first"


def pixels(tab: Tab, canvas: str) -> bytes:
    """A canvas as PNG."""
    text = tab.locator(canvas).evaluate("e => e.toDataURL()")
    return base64.b64decode(text.split(",")[1])


def changed_pixels(tab: Tab, canvas: str, before: bytes) -> bytes:
    for _ in range(600):
        found = pixels(tab, canvas)
        if found != before:
            return found
        tab.wait_for_timeout(100)
    raise AssertionError(f"{canvas} did not change")


def test_a_dropped_image_is_what_the_network_sees(tab: Tab) -> None:
    before = pixels(tab, "#image")
    buffer = io.BytesIO()
    Image.new("RGB", (60, 60), (10, 200, 30)).save(buffer, "PNG")
    tab.evaluate(DROP, [base64.b64encode(buffer.getvalue()).decode(), "green <b>.png"])
    shown = Image.open(io.BytesIO(changed_pixels(tab, "#image", before))).convert("RGB")
    assert shown.size == (32, 32) and shown.getpixel((5, 5)) == (10, 200, 30)
    tab.get_by_role("button", name="Image green <b>.png").wait_for()
    assert "image=u" in tab.url


def test_a_broken_image_is_marked_and_the_page_goes_on(tab: Tab) -> None:
    broken = tab.get_by_role("button", name="Image broken.png")
    broken.scroll_into_view_if_needed()
    tab.locator(".strip .broken").wait_for()
    broken.click()
    tab.locator("#message.wrong").wait_for()
    assert "broken.png" in (tab.locator("#message").text_content() or "")
    tab.locator(".strip button").first.click()
    tab.locator("#view-maps .maps button").first.wait_for()


def test_units_of_three_layers_are_clicked(tab: Tab, page: Live) -> None:
    said = about(tab)
    for layer in ("conv1", "conv3", "conv4"):
        tab.locator("#layer").select_option(layer)
        said = changed_about(tab, said)
        tab.locator("#view-maps .maps button").nth(2).click()
        said = changed_about(tab, said)
        at = another_unit(tab, said)
        said = changed_about(tab, said)
        assert said.startswith(f"{layer}, map ") and (" at (0, 0): " in said) == (at == "first")
        figures = tab.locator("#projections figure")
        methods = [each.get_attribute("data-method") for each in figures.all()]
        assert methods == ["deconvnet", "guided", "gradient"]
        assert all("0" in text for text in figures.locator(".scale").all_text_contents())


def test_the_map_is_walked_by_keys_and_hover_shows_the_receptive_field(tab: Tab) -> None:
    before = about(tab)
    tab.locator("#layer").select_option("conv2")
    said = changed_about(tab, before)
    map_of(tab, said)
    tab.locator("#map").focus()
    tab.keyboard.press("ArrowDown" if " at (0," in said else "ArrowUp")
    said = changed_about(tab, said)
    field = tab.locator("#view-image .over .field")
    outline = field.evaluate("e => e.outerHTML")
    tab.locator("#map").hover(position={"x": 200, "y": 200})
    for _ in range(100):
        if field.evaluate("e => e.outerHTML") != outline:
            break
        tab.wait_for_timeout(50)
    assert field.evaluate("e => e.outerHTML") != outline
    assert about(tab) == said  # (it is looked at, not chosen)


def test_the_square_is_dragged_and_the_occlusion_map_fills(tab: Tab) -> None:
    tab.locator("#view-square .classes").get_by_text("was").first.wait_for()
    stage = tab.locator("#stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before, projected = pixels(tab, "#square-map"), pixels(tab, "#square-projection")
    tab.mouse.move(*middle)
    tab.mouse.down()
    for step in range(1, 6):
        tab.mouse.move(middle[0] - 12 * step, middle[1] - 10 * step)
    tab.mouse.up()
    changed_pixels(tab, "#square-map", before)
    changed_pixels(tab, "#square-projection", projected)
    assert "top=" in tab.url
    first = tab.url
    stage.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.url != first
    tab.locator("#fill").check()
    tab.get_by_text("all ", exact=False).and_(tab.locator("#square-progress")).wait_for()
    assert "probability of" in (tab.locator("#view-square .scale-place").first.text_content() or "")


def test_a_permanent_link_leads_to_the_same_view(tab: Tab, page: Live, browser: Browser) -> None:
    before = about(tab)
    tab.locator("#layer").select_option("conv3")
    said = changed_about(tab, before)
    another_unit(tab, said)
    said = changed_about(tab, said)
    other = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    second = other.new_page()
    opened(second, tab.url)
    assert changed_about(second, "") == said
    other.close()


def test_a_link_to_a_layer_that_does_not_exist_says_so(tab: Tab, page: Live) -> None:
    tab.goto("about:blank")
    opened(tab, page.address + "#layer=conv99")
    assert "tiny has no layer conv99" in (tab.locator("#message").text_content() or "")
    assert tab.locator("#layer").input_value() in about(tab)


def test_a_saved_page_opens_without_the_server(tab: Tab, browser: Browser, tmp_path: Path) -> None:
    said = about(tab)
    with tab.expect_download() as download:
        tab.locator("#save").click()
    file = tmp_path / "saved.html"
    download.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert "<script" not in text and "http://127" not in text
    context = browser.new_context(viewport=WIDE, offline=True)  # type: ignore[arg-type]
    saved, errors = context.new_page(), list[str]()
    saved.on("dialog", lambda dialog: errors.append(dialog.message))
    saved.on("requestfailed", lambda request: errors.append(request.url[:80]))
    saved.goto(file.as_uri())
    assert saved.locator("#unit-about").text_content() == said
    widths = saved.evaluate("[...document.images].map(e => e.naturalWidth)")
    assert len(widths) > 20 and min(widths) > 0 and errors == []
    context.close()


def test_the_webcam_s_frames_go_through_the_network(tab: Tab) -> None:
    tab.context.grant_permissions(["camera"])
    before = pixels(tab, "#image")
    tab.locator("#webcam").click()
    changed_pixels(tab, "#image", before)
    tab.get_by_text("frames a second").wait_for()
    tab.locator("#webcam").click()
    assert tab.locator("#webcam").get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["390", "1280"])
def test_nothing_overflows_and_every_picture_has_a_scale(
    browser: Browser, page: Live, size: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(LONG)
    tab = context.new_page()
    opened(tab, page.address)
    tab.wait_for_selector("html[data-under]", state="attached")
    assert tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper.strip("rgb()").split(","))) > 3 * 128) == (scheme == "light")
    assert tab.evaluate(BARE) == []
    assert tab.evaluate(UNNAMED) == []
    context.close()
