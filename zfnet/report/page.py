"""Self-contained HTML page: sections of text, pictures, tables and cards.

Users' text (names of files and classes, notes) is escaped. The page loads nothing from the network,
and runs one script, which enlarges pictures (`tiles.js`): its content security policy names that
script's hash and allows nothing else.
"""

import base64
import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Self

from minidl import serialize
from zfnet.report.cards import MapCard, map_card
from zfnet.report.cropping import Window
from zfnet.report.curves import Record, curve
from zfnet.report.markup import WIDE, Picture, escaped, figure, image, table, tag, words
from zfnet.report.occlusion import OcclusionCard, occlusion_card
from zfnet.report.tiles import Row, contrast_switch, tile_set

HERE = Path(__file__).parent
SCRIPT = HERE.joinpath("tiles.js").read_text(encoding="utf-8")
SECTION = re.compile(r"<section [^>]*><h2>(.*?)</h2>(.*?)</section>", re.DOTALL)
"""A section as `Section.html` writes it: text is escaped, and sections are not nested."""


def hash_of(script: str) -> str:
    """A script's hash as a content security policy names it."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


class Section:
    """A section of a page; every method appends to it and returns it."""

    def __init__(self, heading: str, anchor: str) -> None:
        self.heading = heading
        self.anchor = anchor
        self._parts: list[str] = []

    def paragraph(self, text: str) -> Self:
        """Add a paragraph. Text between `backticks` is set as code."""
        return self._add(tag("p", words(text)))

    def subheading(self, text: str) -> Self:
        """Add a heading one level below the section's."""
        return self._add(tag("h3", words(text)))

    def code(self, text: str) -> Self:
        """Add preformatted lines of a program or a command."""
        return self._add(tag("pre", tag("code", escaped(text))))

    def table(self, header: Sequence[object], rows: Iterable[Sequence[object]]) -> Self:
        """Add a table; columns of numbers are right-aligned."""
        return self._add(table(header, rows))

    def figure(
        self,
        picture: Picture,
        caption: str,
        alt: str,
        *,
        pixelated: bool = True,
        width: int | None = None,
    ) -> Self:
        """Add a picture: a uint8 array, the bytes of a PNG or JPEG, or the text of an SVG.

        pixelated keeps the edges of enlarged pixels. width is in CSS pixels, at most the page's;
        by default a pixelated picture is enlarged by a whole number to at most the text's width.
        """
        shown = image(picture, alt, pixelated=pixelated, width=width)
        return self._add(figure(shown, caption, wide=width is not None and width > WIDE))

    def gallery(
        self, pictures: Iterable[tuple[Picture, str]], *, pixelated: bool = False, width: int = 160
    ) -> Self:
        """Add (picture, caption) pairs side by side, each about width CSS pixels wide."""
        shown = "".join(
            figure(image(picture, caption, pixelated=pixelated), caption)
            for picture, caption in pictures
        )
        return self._add(tag("div", shown, class_="gallery", style=f"--tile:{width}px"))

    def side_by_side(self, figures: Iterable[tuple[Picture, str]], caption: str = "") -> Self:
        """Add (picture, alternative text) pairs, two in a row or, where the page is narrow, one,
        with one caption."""
        shown = "".join(image(picture, alt) for picture, alt in figures)
        two = "grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))"
        return self._add(figure(tag("div", shown, class_="curves", style=two), caption))

    def curves(self, history: Sequence[Record], caption: str = "") -> Self:
        """Add loss and accuracy by epoch, see `curves.curve` for what a record holds."""
        panels = "".join(
            image(curve(history, [name]), f"{name.capitalize()} by epoch, training and validation")
            for name in ("loss", "accuracy")
        )
        return self._add(figure(tag("div", panels, class_="curves"), caption))

    def fig2(self, layer_title: str, maps: Iterable[MapCard], note: str = "") -> Self:
        """Add one card for each map: its projections, and the patches that caused them.

        A layer without maps gets a sentence that says so. note: a paragraph above the cards.
        """
        cards = "".join(map_card(card) for card in maps)
        self._add(tag("h3", words(layer_title)))
        if note:
            self.paragraph(note)
        if not cards:
            return self.paragraph("None of its maps was active in any of the images.")
        return self._add(contrast_switch() + tag("div", cards, class_="cards"))

    def tiles(
        self,
        rows: Sequence[Row],
        windows: Sequence[Window],
        titles: Sequence[str],
        *,
        name: str = "",
        labels: Sequence[str] = (),
    ) -> Self:
        """Add rows of tiles that can be enlarged and laid over each other, under a name.

        windows, titles, labels: one for each position; labels stand under the tiles.
        """
        head = tag("figcaption", tag("span", words(name), class_="name")) if name else ""
        card = tag("figure", head + tile_set(rows, windows, titles, labels), class_="card")
        return self._add(tag("div", card, class_="cards"))

    def occlusion(self, cards: Iterable[OcclusionCard]) -> Self:
        """Add one row for each image: the image, and maps by the position of the square."""
        return self._add("".join(map(occlusion_card, cards)))

    def include(self, path: Path) -> Self:
        """Add the sections of a page that was written to `path`, each a level lower.

        Raises FileNotFoundError without one.
        """
        for heading, content in SECTION.findall(path.read_text(encoding="utf-8")):
            lower = content.replace("<h3>", "<h4>").replace("</h3>", "</h4>")
            self._add(tag("h3", heading) + lower)
        return self

    @property
    def content(self) -> str:
        """What was added so far, as HTML, for `restore`."""
        return "\n".join(self._parts)

    def restore(self, content: str) -> Self:
        """Add the `content` of a section of an earlier run."""
        return self._add(content)

    def html(self) -> str:
        heading = tag("h2", words(self.heading))
        return tag("section", heading + "\n".join(self._parts), id=self.anchor)

    def _add(self, part: str) -> Self:
        self._parts.append(part)
        return self


class Page:
    """A page with a title, a lead sentence, a few facts (label, value) and sections."""

    def __init__(
        self,
        title: str,
        lead: str,
        facts: Sequence[tuple[str, str]] = (),
        *,
        kicker: str = "",
        footer: str = "",
    ) -> None:
        self.title = title
        self.lead = lead
        self.facts = tuple(facts)
        self.kicker = kicker
        self.footer = footer
        self.unfinished = ""
        """How far the page is, while it is computed; it then loads itself again."""
        self._sections: list[Section] = []

    def section(self, heading: str, text: str = "", *, anchor: str | None = None) -> Section:
        """Add a section at the end; the table of contents lists it under its anchor."""
        section = Section(heading, self._free_anchor(anchor or heading))
        self._sections.append(section)
        return section.paragraph(text) if text else section

    def html(self) -> str:
        """The whole page: the same content gives the same text."""
        template = Template(HERE.joinpath("page.html").read_text(encoding="utf-8"))
        return template.substitute(
            title=escaped(self.title),
            heading=words(self.title),
            style=HERE.joinpath("style.css").read_text(encoding="utf-8"),
            script=SCRIPT,
            script_hash=hash_of(SCRIPT),
            state="unfinished" if self.unfinished else "finished",
            status=tag("p", words(self.unfinished), class_="status") if self.unfinished else "",
            kicker=tag("p", words(self.kicker), class_="kicker") if self.kicker else "",
            lead=words(self.lead),
            facts=self._facts(),
            contents=self._contents(),
            sections="\n".join(section.html() for section in self._sections),
            footer=words(self.footer),
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page and return its path, making the folders above it.

        The file is written to a temporary name and renamed, so that there is always a whole page,
        the old or the new one. Raises OSError if writing fails.
        """
        content = self.html().encode("utf-8")
        with serialize.replacing(path) as beside:
            beside.write_bytes(content)
        return Path(path)

    def _facts(self) -> str:
        pairs = "".join(
            tag("div", tag("dt", words(label)) + tag("dd", words(value)))
            for label, value in self.facts
        )
        return tag("dl", pairs, class_="facts") if pairs else ""

    def _contents(self) -> str:
        links = "".join(
            tag("li", tag("a", words(section.heading), href=f"#{section.anchor}"))
            for section in self._sections
        )
        return tag("nav", tag("ol", links), aria_label="Contents") if links else ""

    def _free_anchor(self, wanted: str) -> str:
        taken = {section.anchor for section in self._sections}
        stem = re.sub(r"\W+", "-", wanted.lower()).strip("-") or "section"
        names = itertools.chain([stem], (f"{stem}-{i}" for i in itertools.count(2)))
        return next(name for name in names if name not in taken)
