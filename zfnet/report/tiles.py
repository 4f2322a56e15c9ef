"""Tiles: small square pictures in rows, which `tiles.js` enlarges.

A set of tiles has rows (the projection, the image, ...) and positions (the nine strongest
activations, ...). All pictures of a position show the same window of the same place, so that they
can be laid on top of each other. A tile shows the window; the rest of its picture is cut off by the
style sheet, and is there when the tile is enlarged. Without JavaScript every tile is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.report.cropping import Window
from zfnet.report.encoding import encode_tile
from zfnet.report.markup import escaped, image, tag, words

COLUMNS, MOST = 3, 9
"""Tiles in a line of a row: where rows stand side by side, as the 3 x 3 of the paper's Fig 2, and
where they stand one below the other."""
PIXELATED = 72
"""A window of fewer pixels is enlarged with sharp edges, a larger one is interpolated."""
NEARLY_WHOLE = 0.9
"""A window of this share of the field's side, or more, needs no map of where it lies."""


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures of one kind, (h,w,3) uint8, one for each position.

    name:     below the row, and of the picture when it is enlarged: "projection", "image".
    contrast: factors from each picture's own contrast to the one they share, about mid grey; None
              for pictures that have none, such as images.
    over:     whether it can be laid over the row that is not: the image.
    """

    name: str
    pictures: Sequence[np.ndarray]
    contrast: Sequence[float] | None = None
    over: bool = True


def tile_set(
    rows: Sequence[Row],
    windows: Sequence[Window],
    titles: Sequence[str],
    labels: Sequence[str] = (),
) -> str:
    """The rows as HTML. windows, titles: one for each position; labels: short ones under each.

    Two rows, or few tiles, stand side by side; more rows one below the other, so that the pictures
    of a position are in one column. Raises ValueError for rows of different lengths, or
    pictures of another size than their window's.
    """
    counts = {len(row.pictures) for row in rows} | {len(windows), len(titles)}
    if len(counts) != 1 or not windows:
        raise ValueError(f"tiles: rows, windows and titles of {sorted(counts)} positions")
    shown = "".join(_row(row, windows, titles, labels) for row in rows)
    count = len(windows)
    beside = len(rows) <= 2 or len(rows) * count <= MOST
    columns = min(count, COLUMNS if beside else MOST)
    style = f"--rows:{len(rows)};--columns:{columns}"
    return tag("div", shown, class_=f"tiles {'beside' if beside else 'lines'}", style=style)


def _row(row: Row, windows: Sequence[Window], titles: Sequence[str], labels: Sequence[str]) -> str:
    contrast: Sequence[float | None] = row.contrast or [None] * len(windows)
    tiles = [
        _tile(row, *each) for each in zip(row.pictures, windows, contrast, titles, strict=True)
    ]
    if labels:
        cells = zip(tiles, labels, strict=True)
        tiles = [tag("div", tile + tag("p", words(text), class_="note")) for tile, text in cells]
    name = tag("p", words(row.name), class_="row-name")
    inside = name + tag("div", "".join(tiles), class_="row")
    return tag("div", inside, class_="over" if row.over else None)


def _tile(row: Row, picture: np.ndarray, window: Window, factor: float | None, title: str) -> str:
    if picture.shape[:2] != (window.height, window.width):
        raise ValueError(f"picture of {picture.shape} in a window of {window}")
    side = window.side
    place = {"w": window.width, "h": window.height, "l": -window.left, "t": -window.top}
    style = ";".join(f"--{key}:{value / side:.4g}" for key, value in place.items())
    if factor is not None:
        style += f";--c:{factor:.3g}"
    inside = image(
        encode_tile(picture, signed=row.contrast is not None),
        f"{row.name}: {title}",
        pixelated=side < PIXELATED,
        sized=False,
    )
    inside += tag("i", class_="field")
    if row.over and side < NEARLY_WHOLE * max(window.height, window.width):
        inside += tag("i", tag("i"), class_="where")
    kind = "tile signed" if factor is not None else "tile"
    return tag("span", inside, class_=kind, style=style)


def contrast_switch() -> str:
    """A box that gives every tile of its section its own contrast; it needs no script."""
    return tag(
        "label",
        '<input type="checkbox" class="own-contrast">' + escaped(" each tile at its own contrast"),
        class_="switch",
    )
