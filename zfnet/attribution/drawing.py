"""Drawing of attributions: colours about grey, signed maps in two colours, and their scales."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from zfnet.report import charts
from zfnet.report.numbers import written
from zfnet.report.pictures import colours

DIVERGING, SEQUENTIAL = "RdBu_r", "magma"
"""matplotlib's maps: red above zero, white at zero, blue below; and from black up."""
DOTS = 96
"""Pixels per inch of a scale."""
PERCENTILE = 99.5
"""Of the sizes of a map, full colour, so that one pixel does not dim the rest."""


def limit(map: np.ndarray) -> float:
    """The size that gets full colour: that percentile, or the largest where it is 0; never 0."""
    size = np.abs(map)
    return float(np.percentile(size, PERCENTILE) or size.max(initial=0)) or 1.0


def coloured(map: np.ndarray, signed: bool, largest: float | None = None) -> np.ndarray:
    """A map (H,W) in the colours of its scale, from -largest or 0 to largest: (H,W,3) uint8."""
    top = limit(map) if largest is None else largest
    unit = map / top
    unit = np.clip((unit + 1) / 2 if signed else unit, 0, 1).astype(np.float32)
    return colours(unit, DIVERGING if signed else SEQUENTIAL)


def about_grey(map: np.ndarray) -> np.ndarray:
    """A map (H,W) as (3,H,W) to be drawn about mid grey: red above zero, blue below.

    Tiles of projections are drawn so, with one scale for both signs.
    """
    return np.stack([map, -0.75 * np.abs(map), -map])  # (H,W) -> (3,H,W)


def scale(largest: float, signed: bool, height: int) -> np.ndarray:
    """The colours with their values, as a picture of `height` pixels: (height,W,3) uint8."""
    figure = Figure(figsize=(0.8, height / DOTS))
    axes = figure.add_axes((0.06, 0.04, 0.2, 0.92))
    low = -largest if signed else 0.0
    rows = np.linspace(largest, low, 256)[:, None]  # (256,1)
    axes.imshow(coloured(rows, signed, largest), aspect="auto", extent=(0, 1, low, largest))
    axes.set_xticks([])
    ticks = [low, 0.0, largest] if signed else [0.0, largest]
    axes.set_yticks(ticks, [written(value, 2) for value in ticks])
    axes.yaxis.tick_right()
    axes.tick_params(labelsize=7, length=2)
    with Image.open(io.BytesIO(charts.png(figure, DOTS))) as picture:
        return np.asarray(picture.convert("RGB").resize((picture.width, height)))
