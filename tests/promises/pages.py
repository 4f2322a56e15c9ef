"""A page's elements and attributes, read by a parser of HTML as a browser would; and its SVGs."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from html.parser import HTMLParser

from zfnet.report.page import SCRIPT

PLAIN = "class", "id", "style"
ELEMENTS = {
    "html": ("lang",), "meta": ("charset", "name", "content", "http-equiv"), "head": (),
    "title": (), "link": ("rel", "href"), "style": (), "body": (), "header": (), "main": (),
    "footer": (), "nav": ("aria-label",), "section": (), "div": ("tabindex",), "span": (), "p": (),
    "h1": (), "h2": (), "h3": (), "h4": (), "a": ("href",), "ol": (), "ul": (), "li": (),
    "dl": (), "dt": (), "dd": (), "pre": (), "code": (), "figure": (), "figcaption": (),
    "i": (), "table": (), "thead": (), "tbody": (), "tr": (), "td": (), "th": (),
    "img": ("src", "alt", "width", "height"), "label": (), "input": ("type",),
}  # fmt: skip
"""Every element that the project writes, with its attributes beside `PLAIN`."""


@dataclass
class Parsed(HTMLParser):
    """The text of a page, and what in it the project does not write."""

    text: str = ""
    foreign: list[str] = field(default_factory=list)
    pictures: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = (*ELEMENTS.get(tag, ()), *PLAIN)
        if tag not in ELEMENTS:
            self.foreign.append(f"<{tag}>")
        for name, value in attrs:
            if name not in known:
                self.foreign.append(f"<{tag} {name}>")
            if name in ("src", "href") and not re.match(r"data:(image/|,)|#[\w-]*$", value or ""):
                self.foreign.append(f"<{tag} {name}={value!r}>")
            if name == "style" and not re.fullmatch(r"[-\w\s:;(),.%+/#]*", value or ""):
                self.foreign.append(f"<{tag} style={value!r}>")
            if name in ("class", "id") and re.search(r"[<>\"'=]", value or ""):
                self.foreign.append(f"<{tag} {name}={value!r}>")
            if (value or "").startswith("data:image/svg"):
                self._drawing(base64.b64decode((value or "").split(",", 1)[1]).decode())
            self.text += f" {value}" if name == "alt" else ""
        self.pictures += tag == "img"

    def handle_data(self, data: str) -> None:
        self.text += data

    def _drawing(self, svg: str) -> None:
        """Text in a drawing counts; a script, a handler, or a reference that leaves it does not
        belong there."""
        for element in ElementTree.fromstring(svg).iter():
            tag = element.tag.split("}")[-1]
            if tag in ("script", "foreignObject", "img", "a", "iframe"):
                self.foreign.append(f"<{tag}> in a drawing")
            for name, value in element.items():
                leaves = name.endswith("href") and not value.startswith(("#", "data:image/png"))
                if name.startswith("on") or leaves:
                    self.foreign.append(f"<{tag} {name}={value!r}> in a drawing")
            self.text += " " + (element.text or "")


def parsed(html: str) -> Parsed:
    """The page, read without its own script: the one that its security policy lets run."""
    page = Parsed()
    page.feed(html.replace(f"<script>{SCRIPT}</script>", ""))
    page.close()
    return page
