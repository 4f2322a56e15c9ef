"""Occlusion card (Fig 7): an image, and maps of outputs by the position of a grey square.

Cell (p, q) of a map is the output with the square at position (p, q). The cells are drawn over the
image at the square's centre, so that the object's outline has the same place in all columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from zfnet.report.markup import image, tag, words
from zfnet.report.numbers import percent, written
from zfnet.report.pictures import (
    GREY,
    SHEET,
    Box,
    Colour,
    colours,
    contrast_stretch,
    heatmap,
    mosaic,
    outline,
    overlay,
    region_mask,
)

PANEL = 320
DIMMED = 0.5
"""How much of the grey image about the cells is mid grey, on which no page is black or white."""
GAP = 4
FRAME: Colour = (214, 72, 52)
NOTHING: Box = (0, 0, 0, 0)
TRUE_COLOUR: Colour = (68, 170, 153)
OTHER_COLOURS: tuple[Colour, ...] = (
    (204, 102, 119),
    (221, 204, 119),
    (81, 66, 158),
    (136, 204, 238),
    (136, 34, 85),
    (153, 153, 51),
    (170, 68, 153),
    (17, 119, 51),
)
REST_COLOUR: Colour = (119, 119, 119)


@dataclass(frozen=True)
class OcclusionCard:
    """One image with a sliding square.

    image is (H, W, 3) uint8; truth the true class's index in classes; square the side of the
    occluding square in pixels. probability, activation (float) and winner (int) are (P, Q), by the
    square's position: of the true class, the total of map `map`, and the most probable class's
    index. region is the object's mask, (H, W) bool, or box (top, left, bottom, right). extent is
    the box, in pixels, that the maps' cells cover (by default the whole image). projections,
    (3, h, w) float in pixel units, are map `map`'s: of this image first, then of other images.
    """

    title: str
    image: np.ndarray
    truth: int
    classes: Sequence[str]
    square: int
    probability: np.ndarray
    activation: np.ndarray
    winner: np.ndarray
    map: int
    region: np.ndarray | Box | None = None
    extent: Box | None = None
    note: str = ""
    projections: Sequence[np.ndarray] = ()

    def __post_init__(self) -> None:
        shapes = {self.probability.shape, self.activation.shape, self.winner.shape}
        if len(shapes) > 1 or self.winner.ndim != 2 or self.winner.size == 0:
            raise ValueError(f"{self.title}: maps of {sorted(shapes)}: one shape (P, Q) is needed")
        if self.region is not None:
            region_mask(self.region, self.image.shape[:2])
        indices = {self.truth, int(self.winner.min()), int(self.winner.max())}
        if not indices <= set(range(len(self.classes))):
            raise ValueError(f"{self.title}: class {sorted(indices)} of {len(self.classes)} names")


@dataclass(frozen=True, eq=False)
class Panel:
    """One column of Fig 7: a picture and the meaning of its colours.

    scale: a colour map's name, and the values of its first and last colour, as text.
    shares: a colour, a class and the share of places where it is the most probable one.
    """

    picture: np.ndarray
    caption: str
    scale: tuple[str, str, str] | None = None
    shares: Sequence[tuple[Colour, str, float]] = field(default=())


def panels(card: OcclusionCard) -> list[Panel]:
    """The paper's columns, lettered: the image, activation, projections if there are any,
    probability of the true class, most probable class."""
    low, high = float(card.activation.min()), float(card.activation.max())
    shape = card.probability.shape
    active = heatmap(card.activation, shape, low=low, high=high)
    # From 0, so that dark is improbable, to the largest value, so that low ones are visible.
    likely = float(card.probability.max())
    certain = heatmap(card.probability, shape, cmap="viridis", low=0, high=likely)
    winners, shares = _winners(card)
    name, scale = card.classes[card.truth], ("magma", written(low), written(high))
    found = [
        Panel(_scene(card), f"a square of {card.square} pixels slides over it"),
        Panel(_over(active, card), f"total activation of map {card.map}", scale),
        Panel(_over(certain, card), f"probability of {name}", ("viridis", "0", written(likely, 2))),
        Panel(_over(winners, card), "most probable class", shares=shares),
    ]
    if card.projections:
        found.insert(2, Panel(_projections(card), _projections_caption(card)))
    return [
        replace(panel, caption=f"({letter}) {panel.caption}")
        for letter, panel in zip("abcde", found, strict=False)
    ]


def occlusion_card(card: OcclusionCard) -> str:
    """The card as HTML: the columns of `panels` side by side."""
    first, *others = panels(card)
    outlined = "" if card.region is None else ", the true object outlined"
    shown = [_panel(first, card.title + outlined), *map(_panel, others)]
    name = tag("span", words(card.title), class_="name")
    head = name + tag("span", words(card.classes[card.truth]), class_="value")
    note = tag("p", words(card.note), class_="note") if card.note else ""
    # Four columns are the style sheet's; five take as many as there is room for.
    columns = "repeat(auto-fit,minmax(min(45%,11.5rem),1fr))"
    style = f"grid-template-columns:{columns}" if card.projections else None
    row = tag("div", "".join(shown), class_="panels", style=style)
    return tag("div", tag("p", head, class_="head") + row + note, class_="occlusion")


def _panel(panel: Panel, title: str = "Map") -> str:
    legend = _bar(*panel.scale) if panel.scale else ""
    if panel.shares:
        legend = tag("ul", "".join(_swatch(*share) for share in panel.shares), class_="legend")
    shown = image(panel.picture, f"{title}: {panel.caption}")
    return tag("figure", shown + tag("figcaption", words(panel.caption)) + legend)


def _projections(card: OcclusionCard) -> np.ndarray:
    """Two by two where there are more than one, the image's own framed."""
    count = min(len(card.projections), 2)
    side = (max(_enlarged(card).shape) - GAP * (count - 1)) // count
    tiles = []
    for projection in card.projections:
        picture = Image.fromarray(contrast_stretch(projection))
        tiles.append(np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC)))
    tiles[0] = outline(tiles[0], (0, 0, side, side), FRAME, 2)
    return mosaic(tiles, count, GAP)


def _projections_caption(card: OcclusionCard) -> str:
    others = len(card.projections) - 1
    beside = f"; unframed, its strongest on {others} other images" if others else ""
    return f"map {card.map} projected{beside}"


def _scale(card: OcclusionCard) -> int:
    return max(1, round(PANEL / max(card.image.shape[:2])))


def _enlarged(card: OcclusionCard) -> np.ndarray:
    h, w = (side * _scale(card) for side in card.image.shape[:2])
    return np.asarray(Image.fromarray(card.image).resize((w, h), Image.Resampling.BICUBIC))


def _scene(card: OcclusionCard) -> np.ndarray:
    """The image with the object outlined, and the square in the corner that covers least of it."""
    picture = _outlined(_enlarged(card), card)
    side = min(card.square * _scale(card), *picture.shape[:2])
    corners = [(rows, columns) for rows in _ends(side) for columns in _ends(side)]
    hidden = _region(card)
    rows, columns = min(corners, key=lambda corner: hidden[corner].sum())
    square = np.full((side, side, 3), GREY, np.uint8)
    picture[rows, columns] = outline(square, (0, 0, side, side), (230, 230, 230))
    return picture


def _ends(side: int) -> tuple[slice, slice]:
    return slice(None, side), slice(-side, None)


def _over(cells: np.ndarray, card: OcclusionCard) -> np.ndarray:
    """Coloured cells, (P, Q, 3), at the square's centres over the faint grey image."""
    grey = _enlarged(card).mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2)
    canvas = overlay(grey, np.full_like(grey, GREY), DIMMED)
    scale = _scale(card)
    top, left, bottom, right = card.extent or (0, 0, *card.image.shape[:2])
    p, rows = _cells(cells.shape[0], top * scale, bottom * scale, canvas.shape[0])
    q, columns = _cells(cells.shape[1], left * scale, right * scale, canvas.shape[1])
    canvas[np.ix_(rows, columns)] = cells[np.ix_(p, q)]
    return _outlined(canvas, card)


def _cells(count: int, start: int, stop: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that `count` cells from start to stop cover, and the cell of each."""
    pixels = np.arange(max(start, 0), min(stop, length))
    return (pixels - start) * count // max(stop - start, 1), pixels


def _region(card: OcclusionCard) -> np.ndarray:
    """The object's mask at the panel's size; empty where no object is known."""
    mask = region_mask(NOTHING if card.region is None else card.region, card.image.shape[:2])
    h, w = (int(side) * _scale(card) for side in card.image.shape[:2])
    # Interpolated and thresholded at one half: the outline follows the object, not the pixels.
    grown = Image.fromarray(mask.astype(np.float32)).resize((w, h), Image.Resampling.BILINEAR)
    return np.asarray(grown) > 0.5


def _outlined(picture: np.ndarray, card: OcclusionCard) -> np.ndarray:
    # White outside, dark inside: one of them is visible on any colour.
    region = _region(card)
    return outline(outline(picture, region, SHEET, 3), region, (255, 255, 255), 2)


def _winners(card: OcclusionCard) -> tuple[np.ndarray, list[tuple[Colour, str, float]]]:
    """The most probable classes as colours, the true class's always the same, and their shares."""
    present, counts = np.unique(card.winner, return_counts=True)
    by_count = sorted(zip(-counts, present, strict=True))
    others = [int(index) for _, index in by_count if index != card.truth]
    palette = dict.fromkeys(range(len(card.classes)), REST_COLOUR)
    palette |= {card.truth: TRUE_COLOUR, **dict(zip(others, OTHER_COLOURS, strict=False))}
    table = np.array([palette[index] for index in range(len(card.classes))], np.uint8)
    share = dict(zip(present.tolist(), (counts / card.winner.size).tolist(), strict=True))
    shares = [
        (palette[index], card.classes[index], share.get(index, 0.0))
        for index in [card.truth, *others[: len(OTHER_COLOURS)]]
    ]
    rest = sum(share[index] for index in others[len(OTHER_COLOURS) :])
    return table[card.winner], [*shares, (REST_COLOUR, "others", rest)] if rest else shares


def _swatch(colour: Colour, name: str, share: float) -> str:
    chip = tag("i", style=f"background:{_hex(colour)}")
    return tag("li", chip + words(name) + tag("span", percent(share)))


def _bar(cmap: str, low: str, high: str) -> str:
    stops = ",".join(_hex(colour) for colour in colours(np.linspace(0, 1, 9), cmap))
    gradient = tag("i", style=f"background:linear-gradient(to right,{stops})")
    return tag("div", tag("span", low) + gradient + tag("span", high), class_="bar")


def _hex(colour: Sequence[int] | np.ndarray) -> str:
    return "#" + "".join(f"{int(channel):02x}" for channel in colour)
