"""HTML elements: the only module that escapes text and that makes data: URIs."""

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

from kernels.terminal.printable import printable
from zfnet.report.encoding import encode

Picture = np.ndarray | bytes | str
"""A uint8 array, the bytes of a PNG, JPEG or WebP file, or the text of an SVG file."""

COLUMN = 640
"""Width of the text's column in CSS pixels: small pixelated pictures are enlarged up to it."""

NOTHING = "–"
"""A cell of a table for which there is no value."""

WIDE = 880
"""CSS pixels beside the headings of a wide page; a wider picture takes the whole width."""

KINDS = {
    b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp",
}  # fmt: skip
SVG = "image/svg+xml"


def escaped(text: str) -> str:
    """Text as HTML content or attribute; characters that do not print are escaped before."""
    return escape(printable(text, "\n"))


def words(text: str) -> str:
    """Escape text for HTML; text between `backticks` is set as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escaped(text))


def tag(name: str, content: str = "", **attributes: str | int | None) -> str:
    """One element around HTML content. Attribute values are escaped, None leaves one out.

    A trailing underscore (`class_`) is dropped, other underscores become hyphens.
    """
    listed = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{listed}>{content}</{name}>"


def image(
    picture: Picture,
    alt: str,
    *,
    pixelated: bool = False,
    width: int | None = None,
    sized: bool = True,
) -> str:
    """An img element with its picture as a data: URI, at most width CSS pixels wide.

    sized: with the picture's own width and height; without, the style sheet has them.
    Raises ValueError for bytes that are neither PNG, JPEG nor WebP and for text that is not SVG.
    """
    data = _file(picture)
    kind = _kind(data)
    w, h = (None, None) if kind == SVG or not sized else _size(data)
    if width is None and pixelated and w:
        width = w * max(1, COLUMN // w)
    style = None if width is None else f"width:{width}px"
    uri = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    pixels = "pixelated" if pixelated else None
    element = tag("img", src=uri, alt=alt, width=w, height=h, class_=pixels, style=style)
    return element.removesuffix("</img>")


def figure(content: str, caption: str, *, wide: bool = False) -> str:
    """A figure around HTML content with an escaped caption under it, if there is one.

    wide: takes the whole width of a wide page.
    """
    below = tag("figcaption", words(caption)) if caption else ""
    return tag("figure", content + below, class_="wide" if wide else None)


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table of escaped cells, numbers to the right; columns of NOTHING alone are left out.

    ValueError for a row of another length.
    """
    lines = [tuple(row) for row in rows]
    for row in lines:
        if len(row) != len(header):
            raise ValueError(f"row of {len(row)} cells under a header of {len(header)}: {row!r}")
    filled = [n for n in range(len(header)) if any(row[n] != NOTHING for row in lines) or not lines]
    header, lines = [header[n] for n in filled], [tuple(row[n] for n in filled) for row in lines]
    body = "".join(tag("tr", "".join(_cell("td", value, value) for value in row)) for row in lines)
    below = lines[0] if lines else header
    head = "".join(_cell("th", title, value) for title, value in zip(header, below, strict=True))
    whole = tag("thead", tag("tr", head)) + tag("tbody", body)
    # Wide tables scroll by themselves; tabindex makes them reachable by the keyboard.
    return tag("div", tag("table", whole), class_="scroll", tabindex=0)


def _cell(name: str, value: object, sample: object) -> str:
    number = re.fullmatch(r"[-+−]?[\d.,]+(e[-+]?\d+)?( ?[%×a-zA-Z/²]{1,8})?", str(sample))
    return tag(name, words(str(value)), class_="number" if number else None)


def _file(picture: Picture) -> bytes:
    if isinstance(picture, np.ndarray):
        return encode(picture)
    return picture.encode("utf-8") if isinstance(picture, str) else picture


def _kind(data: bytes) -> str:
    for start, kind in KINDS.items():
        if data.startswith(start):
            return kind
    if data.lstrip().startswith((b"<svg", b"<?xml")):
        return SVG
    raise ValueError(
        f"picture of {len(data)} bytes begins {data[:8]!r}: PNG, JPEG, WebP or SVG is shown"
    )


def _size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as opened:
        return opened.size
