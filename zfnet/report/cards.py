"""Card of one map (Fig 2): its strongest projections beside the patches that caused them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from zfnet.report.cropping import SHARE, Window, energy_window
from zfnet.report.markup import tag, words
from zfnet.report.numbers import percent, written
from zfnet.report.pictures import PERCENTILE, contrast_stretch, full_contrast
from zfnet.report.tiles import Row, tile_set

HOW = (
    f"A tile shows the square that holds {percent(SHARE)} of the projection's energy (its squared "
    "values), and the same square of the image; where that is a part of the receptive field, the "
    "small frame in its corner says which part. A line is the field's edge. Grey is zero, and full "
    f"contrast is the {PERCENTILE:g}th percentile of the absolute values, one for the tiles of a "
    "map together."
)
"""What a card's tiles show, for the text above them."""


@dataclass(frozen=True)
class MapCard:
    """One feature map: its strongest activations, strongest first.

    map is its index, value its largest activation. projections are (3, h, w) float in pixel units,
    patches (h, w, 3) uint8, one for each projection and of its size; receptive fields clipped at
    the border give smaller ones. note is shown below.

    by:     the name of the projections' rules.
    others: projections of the same units by other rules, under their names; shown beside.
    titles: of each activation, such as its image's name and its value.
    """

    map: int
    value: float
    projections: Sequence[np.ndarray]
    patches: Sequence[np.ndarray]
    note: str = ""
    by: str = ""
    others: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    titles: Sequence[str] = ()

    def __post_init__(self) -> None:
        sizes = [projection.shape[1:] for projection in self.projections]
        shapes = [patch.shape[:2] for patch in self.patches]
        others = [[each.shape[1:] for each in found] for found in self.others.values()]
        if not sizes or sizes != shapes or any(other != sizes for other in others):
            raise ValueError(
                f"map {self.map}: projections of {sizes} beside patches of {shapes} pixels; "
                "one patch of the same size a projection is needed, and at least one"
            )

    @property
    def by_rules(self) -> dict[str, Sequence[np.ndarray]]:
        """The projections by every rule, the card's own first."""
        return {self.by: self.projections, **self.others}

    def windows(self) -> list[Window]:
        """The square that is shown of each activation."""
        return [energy_window(each) for each in zip(*self.by_rules.values(), strict=True)]


def map_card(card: MapCard) -> str:
    """The card as HTML."""
    windows = card.windows()
    rows = [projected_row(name, found, windows) for name, found in card.by_rules.items()]
    rows.append(Row("image", card.patches, over=False))
    titles = card.titles or [f"map {card.map}"] * len(windows)
    head = tag("span", f"Map {card.map}", class_="name")
    if card.note:
        head += tag("span", words(card.note), class_="note")
    head += tag("span", f"strongest activation {written(card.value)}", class_="value")
    return tag("figure", tag("figcaption", head) + tile_set(rows, windows, titles), class_="card")


def projected_row(rules: str, projections: Sequence[np.ndarray], windows: Sequence[Window]) -> Row:
    """Projections (3,h,w) as tiles: each at its own contrast, with the factors to a shared one."""
    inside = [window.of(p) for p, window in zip(projections, windows, strict=True)]
    own, shared = [full_contrast([each]) for each in inside], full_contrast(inside)
    shown = [contrast_stretch(p, scale=s) for p, s in zip(projections, own, strict=True)]
    name = f"projection, {rules}" if rules else "projection"
    return Row(name, shown, [scale / shared if shared else 1.0 for scale in own])
