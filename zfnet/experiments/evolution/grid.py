"""Grid of the paper's Fig 4: a row for each map, a column for each epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from zfnet.experiments.evolution.measure import Snapshot, TopActivation
from zfnet.report import charts, pictures

TILE = 72
"""Side of a projection in pixels."""
SMALL = TILE // 3
"""Patches up to this size are enlarged by whole factors; larger ones are interpolated."""
GAP, BETWEEN = 4, 12
"""Pixels between tiles, and between maps."""
BLOCK = 2 * TILE + GAP
"""Height of a map: its projections, and below them the patches."""
DOTS = 80
"""Pixels to an inch; charts are saved with twice as many."""
LEFT, TOP = 72, 28
"""Pixels for the names of maps and epochs."""
FAINT = "#8a877f"
SHOWN = (
    "A row per map, drawn at random, a column per kept epoch: the strongest activation of that map "
    "over all images, projected to pixels, and below it the part of the image that caused it. "
    "Where the picture jumps, another image has taken over. A dead map is active on no image."
)
"""The text above the grids."""


def evolution_grid(snapshots: Sequence[Snapshot], layer: str) -> Figure:
    """For each drawn map and epoch, the projection and below it the patch.

    Each projection has its own contrast. A dead map's cell has the word "dead".
    """
    maps = list(snapshots[0].top_activations[layer])
    rows = [[snapshot.top_activations[layer][map] for snapshot in snapshots] for map in maps]
    sheet = pictures.mosaic(_blocks(rows), 1, BETWEEN)
    figure, axes = _framed(sheet)
    across = [i * (TILE + GAP) + TILE / 2 for i in range(len(snapshots))]
    down = [i * (BLOCK + BETWEEN) + BLOCK / 2 for i in range(len(maps))]
    first, *others = (str(snapshot.epoch) for snapshot in snapshots)
    axes.set_xticks(across, [f"epoch {first}", *others])
    axes.set_yticks(down, [f"map {map}" for map in maps])
    for y, row in zip(down, rows, strict=True):
        for x, top in zip(across, row, strict=True):
            if top is None:
                axes.text(x, y, "dead", color=FAINT, fontsize=9, ha="center", va="center")
    return figure


def _framed(sheet: np.ndarray) -> tuple[Figure, Axes]:
    """The picture, pixel for pixel, with margins for names at its left and top."""
    height, width = sheet.shape[0] + TOP, sheet.shape[1] + LEFT
    figure = Figure((width / DOTS, height / DOTS))
    axes = figure.add_axes((LEFT / width, 0, 1 - LEFT / width, 1 - TOP / height))
    axes.imshow(sheet, interpolation="none", aspect="auto")
    axes.tick_params(length=0, labelcolor=charts.TEXT, labelsize=9)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    return figure, axes


def _blocks(rows: Sequence[Sequence[TopActivation | None]]) -> list[np.ndarray]:
    """A picture for each map, all at one scale."""
    sides = [max(top.patch.shape[:2]) for row in rows for top in row if top is not None]
    side = max(sides, default=TILE)
    blocks = []
    for row in rows:
        above = [None if s is None else pictures.contrast_stretch(s.projection) for s in row]
        below = [None if s is None else s.patch for s in row]
        tiles = [_tile(picture, side) for picture in (*above, *below)]
        blocks.append(pictures.mosaic(tiles, len(row), GAP))
    return blocks


def _tile(picture: np.ndarray | None, side: int) -> np.ndarray:
    """A picture in the middle of a tile, at the scale at which `side` pixels fill it."""
    tile = np.full((TILE, TILE, 3), pictures.SHEET, np.uint8)
    if picture is None:
        return tile
    shown = pictures.enlarge(picture, TILE // side) if side <= SMALL else _scaled(picture, side)
    h, w = shown.shape[:2]
    top, left = (TILE - h) // 2, (TILE - w) // 2
    tile[top : top + h, left : left + w] = shown
    return tile


def _scaled(picture: np.ndarray, side: int) -> np.ndarray:
    h, w = (max(1, round(length * TILE / side)) for length in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((w, h), Image.Resampling.LANCZOS))
