"""Card of one map (Fig 2): its strongest projections beside the patches that caused them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from zfnet.report.encoding import enlarge
from zfnet.report.markup import image, tag, words
from zfnet.report.pictures import contrast_stretch, mosaic

COLUMNS = 3
SMALL = 48
"""Tiles below this many pixels are enlarged by whole factors; larger ones are interpolated."""
ENLARGED, LARGEST = 96, 128
GAP = 3


@dataclass(frozen=True)
class MapCard:
    """One feature map: its strongest activations, strongest first.

    map is its index, value its largest activation. projections are (3, h, w) float in pixel units,
    patches (h, w, 3) uint8, one for each projection and of its size; receptive fields clipped at
    the border give smaller ones. note is shown below.
    """

    map: int
    value: float
    projections: Sequence[np.ndarray]
    patches: Sequence[np.ndarray]
    note: str = ""

    def __post_init__(self) -> None:
        sizes = [projection.shape[1:] for projection in self.projections]
        shapes = [patch.shape[:2] for patch in self.patches]
        if not sizes or sizes != shapes:
            raise ValueError(
                f"map {self.map}: projections of {sizes} beside patches of {shapes} pixels; "
                "one patch of the same size a projection is needed, and at least one"
            )


def map_card(card: MapCard) -> str:
    """The card as HTML; both mosaics have the same cells."""
    shown = [contrast_stretch(projection) for projection in card.projections]
    count = f"the {len(shown)} strongest activations" if len(shown) > 1 else "the strongest one"
    left = image(contact_sheet(shown), f"Map {card.map}: projections of {count}")
    right = image(
        contact_sheet(card.patches), f"Map {card.map}: the image patches that caused them"
    )
    head = tag("span", f"Map {card.map}", class_="name")
    head += tag("span", f"max {card.value:.3g}", class_="value")
    note = tag("p", words(card.note), class_="note") if card.note else ""
    pair = tag("div", left + right, class_="pair")
    return tag("figure", tag("figcaption", head) + pair + note, class_="card")


def sheet(cards: Sequence[MapCard]) -> np.ndarray:
    """All cards as one picture, a row for each map: its projections beside the patches."""
    pairs = [
        mosaic(
            [
                contact_sheet([contrast_stretch(projection) for projection in card.projections]),
                contact_sheet(card.patches),
            ],
            2,
            2 * GAP,
        )
        for card in cards
    ]
    return mosaic(pairs, 3, 4 * GAP)


def contact_sheet(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Tiles in rows of three: small ones enlarged by a whole factor, large ones reduced."""
    side = max(max(tile.shape[:2]) for tile in tiles)
    if side < SMALL:
        tiles = [enlarge(tile, -(-ENLARGED // side)) for tile in tiles]
    elif side > LARGEST:
        tiles = [_reduced(tile, LARGEST / side) for tile in tiles]
    return mosaic(tiles, COLUMNS, GAP)


def _reduced(tile: np.ndarray, factor: float) -> np.ndarray:
    h, w = (max(1, round(side * factor)) for side in tile.shape[:2])
    return np.asarray(Image.fromarray(tile).resize((w, h), Image.Resampling.LANCZOS))
