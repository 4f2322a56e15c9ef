"""Cards, pages and pictures for tests of the report."""

import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from zfnet.report import MapCard, OcclusionCard, Page
from zfnet.report.page import SCRIPT

HOSTILE = "<script>alert(\"1\")</script> & $title 'x'"
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
VOID = {"meta", "link", "img", "br", "input"}


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


def without_script(html: str) -> str:
    """The page without its own script; a page has one, the last element of the body."""
    assert html.count(f"<script>{SCRIPT}</script>") == 1
    return html.replace(f"<script>{SCRIPT}</script>", "")


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
