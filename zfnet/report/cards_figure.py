"""Cards of maps (Fig 2) as one figure, for a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from zfnet.report import charts
from zfnet.report.cards import MapCard
from zfnet.report.cropping import Window
from zfnet.report.numbers import written
from zfnet.report.pictures import GREY, Colour, contrast_stretch, full_contrast, mosaic
from zfnet.report.tiles import PIXELATED

SIDE, GAP, COLUMNS = 128, 3, 3
"""Pixels of a tile and between tiles; tiles in a row."""
ACROSS, WIDTH = 2, 7.2
"""Maps side by side, and inches of the figure."""
WHITE: Colour = (255, 255, 255)


def cards_figure(cards: Sequence[MapCard]) -> Figure:
    """Each map's projections, by every rule, beside its patches; cropped as on the page."""
    sheets = [_sheet(card) for card in cards]
    across = min(ACROSS, len(cards))
    down = -(-len(cards) // across)
    h, w = (max(sheet.shape[axis] for sheet in sheets) for axis in (0, 1))
    width = WIDTH * across / ACROSS
    figure = Figure((width, down * (width / across * h / w + 0.28)), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, card, sheet in zip(grid.flat, cards, sheets, strict=False):
        axes.imshow(sheet, interpolation="none")
        title = f"map {card.map}, strongest activation {written(card.value)}"
        axes.set_title(title, loc="left", fontsize=8, color=charts.TEXT)
    return figure


def _sheet(card: MapCard) -> np.ndarray:
    windows = card.windows()
    groups = [_projected(found, windows) for found in card.by_rules.values()]
    patches = zip(card.patches, windows, strict=True)
    groups.append([_tile(patch, window, WHITE) for patch, window in patches])
    sheets = [mosaic(tiles, COLUMNS, GAP, WHITE) for tiles in groups]
    return mosaic(sheets, len(sheets), 4 * GAP, WHITE)


def _projected(projections: Sequence[np.ndarray], windows: Sequence[Window]) -> list[np.ndarray]:
    """At one contrast, as on the page."""
    pairs = list(zip(projections, windows, strict=True))
    scale = full_contrast([window.of(projection) for projection, window in pairs])
    grey = (GREY, GREY, GREY)
    return [_tile(contrast_stretch(each, scale=scale), window, grey) for each, window in pairs]


def _tile(picture: np.ndarray, window: Window, around: Colour) -> np.ndarray:
    """The window of a picture (h,w,3), SIDE pixels wide; `around` where it leaves the picture."""
    side = window.side
    whole = np.broadcast_to(np.array(around, np.uint8), (side, side, 3)).copy()
    inside = window.of(picture.transpose(2, 0, 1)).transpose(1, 2, 0)  # HWC -> CHW -> HWC
    top, left = max(-window.top, 0), max(-window.left, 0)
    whole[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    sharp = side < PIXELATED
    method = Image.Resampling.NEAREST if sharp else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(whole).resize((SIDE, SIDE), method))
