"""Self-contained HTML pages."""

import base64
import hashlib
import os
import re
from pathlib import Path

import pytest

from tests.zfnet.reporting import HOSTILE, NAMESPACES, full_page, parsed, without_script
from zfnet.report import Page
from zfnet.report.numbers import percent
from zfnet.report.page import SCRIPT

pytestmark = pytest.mark.quick


def test_users_text_cannot_become_markup() -> None:
    html = without_script(full_page(HOSTILE).html())
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
    html = without_script(full_page().html())
    svgs = embedded(html)
    assert len(svgs) == 2
    text = "".join([html, *svgs])
    for namespace in NAMESPACES:
        text = re.sub(rf'xmlns(:xlink)?="{namespace}"', "", text)
    # A reference to a part of the same picture, url(#...), stays inside.
    assert re.findall(r"https?:|url\((?!#)|@import|<script|<iframe|//\w+\.", text) == []


def test_the_policy_allows_the_page_its_own_script_and_no_other() -> None:
    html = full_page(HOSTILE).html()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', html)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{hashed}'" in policy.split("; ")


def test_the_script_asks_for_nothing_and_writes_no_markup() -> None:
    forbidden = (
        r"fetch|XMLHttp|import|eval|innerHTML|outerHTML|insertAdjacent|document\.write|https?:"
    )
    assert re.findall(forbidden, SCRIPT) == []


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


def test_a_column_of_dashes_is_left_out_of_a_table() -> None:
    page = Page("t", "l")
    page.section("s").table(["layer", "ours", "published"], [["conv1", "3", "–"], ["a", "–", "–"]])
    html = page.html()
    assert "published" not in html and html.count("<td") == 4 and "–" in html


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [(0.483, 0, "48 %"), (0.0, 0, "0 %"), (0.004, 0, "under 1 %"), (0.997, 0, "over 99 %"),
     (1.0, 0, "100 %"), (0.0004, 1, "under 0.1 %"), (0.12345, 1, "12.3 %"), (float("nan"), 0, "–")],
)  # fmt: skip
def test_a_share_is_written_in_per_cent(share: float, digits: int, shown: str) -> None:
    assert percent(share, digits) == shown.replace(" %", "\u00a0%")
