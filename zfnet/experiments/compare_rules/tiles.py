"""Pictures of attributions: one colour scale for sizes, a diverging one for signed shares."""

from __future__ import annotations

import numpy as np

from zfnet.attribution import METHODS
from zfnet.report import pictures

FULL = 99.5
"""The percentile of the absolute values that has the full colour."""
SIDE = 224
"""Pixels of a tile's side, at least."""
SIGNED, SIZES = "RdBu_r", "magma"


def is_signed(name: str) -> bool:
    """Whether a method's map has shares of both signs."""
    return name in METHODS and METHODS[name].kind == "signed"


def tile(name: str, map: np.ndarray) -> np.ndarray:
    """The map (H,W) of a method as a picture (h,w,3) uint8, full colour at its own percentile."""
    size = np.abs(map)
    largest = float(np.percentile(size, FULL) or size.max())
    times = -(-SIDE // max(map.shape))
    low, colours = (-largest, SIGNED) if is_signed(name) else (0.0, SIZES)
    shape = (map.shape[0] * times, map.shape[1] * times)
    return pictures.heatmap(map, shape, cmap=colours, low=low, high=largest)


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A picture (H,W,3) at the size of the tiles."""
    return pictures.enlarge(picture, -(-SIDE // max(picture.shape[:2])))


def scale_bar(name: str) -> np.ndarray:
    """The colours from the lowest value to the highest, (18, 360, 3) uint8."""
    values = np.linspace(-1 if is_signed(name) else 0, 1, 360, dtype=np.float32)[None]
    low, colours = (-1.0, SIGNED) if is_signed(name) else (0.0, SIZES)
    return pictures.heatmap(values, (18, 360), cmap=colours, low=low, high=1.0)
