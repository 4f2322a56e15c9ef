"""Inside one number and what if, in a real browser: numbers beside the definition, a map off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kernels import ConvGeometry, reference
from tests.zfnet.browsers import chromium
from tests.zfnet.live_page import Live, live
from tests.zfnet.tiny import network
from zfnet.look.gallery import Gallery
from zfnet.look.requests import Asked
from zfnet.look.session import Opened, Session

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

LONG = 60_000
"""Milliseconds that a first answer may take, in which kernels are compiled."""
UNIT = "layer=conv2&map=1&p=1&q=0"


@pytest.fixture(scope="module")
def page() -> Iterator[Live]:
    with live(Session([Opened(network(), "tiny")], Gallery())) as running:
        yield running


@pytest.fixture(scope="module")
def tab(page: Live) -> Iterator[Tab]:
    """A narrow page; errors of its scripts fail the test."""
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(LONG)
        found, errors = context.new_page(), list[str]()
        found.on("pageerror", lambda error: errors.append(str(error)))
        yield found
        assert errors == []


def opened(tab: Tab, address: str, fragment: str, view: str) -> None:
    """The page anew, scrolled to one of its parts, which has its answer."""
    tab.goto("about:blank")
    tab.goto(f"{address}#{fragment}")
    part = tab.locator(f"#view-{view}")
    part.wait_for()
    part.scroll_into_view_if_needed()
    tab.wait_for_selector(f"#view-{view}[data-shown]", state="attached")


def numbers(tab: Tab, view: str) -> dict[str, float]:
    """Named numbers of a part of the page."""
    rows = tab.locator(f"#view-{view} table.inside-numbers tr").all()
    cells = {row.locator("th").text_content() or "": row.locator("td").first for row in rows}
    texts = {name: (cell.text_content() or "").replace("−", "-") for name, cell in cells.items()}
    return {name: float(text) for name, text in texts.items() if text[-1:].isdigit()}


def of_definition(session: Session) -> float:
    """conv2, map 1 at (1, 0), by the nested loops of the definition."""
    run = session.forward(Asked())
    x, layer = run.outputs["norm1"].numpy(), run.model.conv2  # type: ignore[attr-defined]
    g = ConvGeometry.of(x.shape, layer.weight.shape, **layer.settings)
    return float(reference.conv2d(x, layer.weight.numpy(), g, bias=layer.bias.numpy())[0, 1, 1, 0])


def test_the_numbers_of_the_page_are_those_of_the_definition(tab: Tab, page: Live) -> None:
    opened(tab, page.address, UNIT, "inside")
    expected, found = of_definition(page.session), numbers(tab, "inside")
    assert found["these numbers"] == pytest.approx(expected, rel=1e-6)
    assert abs(found["engine"] - expected) <= found["bound"] + 1e-6 * abs(expected)
    equation = tab.locator("#view-inside .inside-equation").first.text_content() or ""
    assert float(equation.rsplit("= ", 1)[1].replace("−", "-")) == found["these numbers"]
    assert "within the bound" in (tab.locator("#view-inside").text_content() or "")
    tab.locator("#inside-irow").press("Enter")
    tab.get_by_text("The im2col row").wait_for()
    tab.locator("#inside-itile").press("Enter")
    tab.get_by_text("All channels", exact=True).wait_for()
    marked = tab.locator("#view-inside td.marked").first.text_content() or ""
    assert float(marked.replace("−", "-")) == pytest.approx(expected, rel=1e-2)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_step_back_is_opened_by_the_keyboard(tab: Tab, page: Live) -> None:
    opened(tab, page.address, UNIT, "inside")
    tab.locator("#inside-tab-back").press("Enter")
    tab.locator("#inside-through").select_option("conv1")
    tab.get_by_text("conv1 (Conv2d), back to element").wait_for()
    tab.get_by_text("kernel, flipped").wait_for()
    found = numbers(tab, "inside")
    assert abs(found["engine"] - found["these numbers"]) <= found["bound"] + 1e-6
    assert "through=conv1" in tab.url


def test_a_map_is_switched_off_and_on_again(tab: Tab, page: Live) -> None:
    opened(tab, page.address, UNIT, "whatif")
    before = numbers_of_classes(tab)
    tab.locator("#whatif-off").press("Enter")
    tab.get_by_text("conv2: map 1 off").wait_for()
    after = numbers_of_classes(tab)
    assert np.allclose([row[0] for row in after], [row[0] for row in before], atol=0.051)
    run = page.session.forward(Asked({"variant": 'whatif:{"maps":[["conv2",1,0]]}'}))
    assert run.probabilities is not None and not run.planes("conv2")[1].any()
    shown = [row[1] for row in after]
    expected = sorted((100 * run.probabilities).tolist())
    assert np.allclose(sorted(shown), expected, atol=0.051)
    tab.get_by_role("button", name="Undo").first.press("Enter")
    tab.get_by_text("conv2: map 1 off").wait_for(state="detached")
    assert numbers_of_classes(tab) == before
    assert "variant" not in tab.url


def numbers_of_classes(tab: Tab) -> list[list[float]]:
    """Percent before and after, of each class."""
    rows = tab.locator("#view-whatif .whatif-classes tbody tr").all()
    assert len(rows) == 3
    return [[float(t.split()[0]) for t in r.locator("td").all_text_contents()[:2]] for r in rows]
