"""Arrays as pictures: filters, projections, heat maps, outlines, mosaics.

A picture is an (H, W, 3) uint8 array in RGB order. Signed values (filters, projections) are shown
about mid grey: 128 is zero, with one scale for both signs.
"""

from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image

from zfnet.report.curves import curve
from zfnet.report.encoding import encode, enlarge, png, require_picture

__all__ = [
    "contrast_stretch",
    "curve",
    "encode",
    "enlarge",
    "filters",
    "full_contrast",
    "heatmap",
    "mosaic",
    "outline",
    "overlay",
    "png",
    "region_mask",
]

GREY = 128
SWING = 127
PERCENTILE = 99.5
"""Of the absolute values of a projection, the one that is full contrast."""
SHEET = (22, 24, 29)
"""The colour between the tiles of a mosaic: nearly black, as in a contact sheet."""

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]


def filters(weights: np.ndarray, *, common_scale: bool = True) -> list[np.ndarray]:
    """Show convolution filters as K pictures of (R, S, 3) uint8, in which 128 is zero.

    weights is (K, 3, R, S) of any float dtype. With common_scale the largest |weight| of all
    filters is full contrast, so that weak filters look weak (as in the paper's Fig 6);
    without it each filter is stretched on its own. NaN and infinities raise ValueError.
    """
    if weights.ndim != 4 or weights.shape[1] != 3:
        raise ValueError(f"filters of shape {weights.shape}: (K, 3, R, S) can be shown in colour")
    _require_finite(weights, "filters")
    largest = np.abs(weights).max(axis=(1, 2, 3), initial=0)
    scales = np.full_like(largest, largest.max(initial=0)) if common_scale else largest
    return [_about_grey(w, float(scale)) for w, scale in zip(weights, scales, strict=True)]


def contrast_stretch(
    projection: np.ndarray, percentile: float = PERCENTILE, *, scale: float | None = None
) -> np.ndarray:
    """Show a projection, (3, H, W) float in pixel units, as (H, W, 3) uint8; zero is mid grey, 128.

    The given percentile of |projection| is full contrast, so that one bright pixel does not
    dim the rest; where so few pixels differ from zero that it is 0, the largest is. A projection
    of zeros is flat grey. scale: the value of full contrast, in place of the percentile; see
    `full_contrast`. NaN and infinities raise ValueError.
    """
    if projection.ndim != 3 or projection.shape[0] != 3 or projection.size == 0:
        raise ValueError(f"projection of shape {projection.shape}: (3, H, W) is needed, H, W >= 1")
    _require_finite(projection, "projection")
    if scale is None:
        scale = full_contrast([projection], percentile)
    return _about_grey(projection, scale)


def full_contrast(projections: Sequence[np.ndarray], percentile: float = PERCENTILE) -> float:
    """The value that is full contrast for several projections, of any shapes, together."""
    sizes = np.concatenate([np.abs(each).ravel() for each in projections])
    return float(np.percentile(sizes, percentile) or sizes.max())


def heatmap(
    values: np.ndarray,
    size: tuple[int, int],
    *,
    cmap: str = "magma",
    low: float | None = None,
    high: float | None = None,
    smooth: bool = False,
) -> np.ndarray:
    """Colour (P, Q) values and stretch them over size = (H, W) pixels: (H, W, 3) uint8.

    low and high are the values of the first and last colour (default: the smallest and largest);
    values outside take the end colours. cmap is one of matplotlib's. Cells keep their edges
    unless smooth. NaN, an unknown cmap and high < low raise ValueError.
    """
    if values.ndim != 2 or 0 in values.shape or min(size) < 1:
        raise ValueError(f"heat map of values {values.shape} at size {size}: (P, Q), (H, W) >= 1")
    _require_finite(values, "heat map")
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    if not low <= high:
        raise ValueError(f"heat map from low={low} to high={high}: low must not exceed high")
    # A range of zero has no contrast: all values take the first colour.
    unit = np.clip((values - low) / (high - low or 1.0), 0, 1).astype(np.float32)
    return colours(_stretched(unit, size, smooth), cmap)


def colours(unit: np.ndarray, cmap: str) -> np.ndarray:
    """Colours of values in [0, 1] by matplotlib's map of that name: (...) -> (..., 3) uint8."""
    if cmap not in matplotlib.colormaps:
        raise ValueError(f"no colour map {cmap!r}: matplotlib has magma, viridis, cividis, ...")
    return matplotlib.colormaps[cmap](unit, bytes=True)[..., :3]


def overlay(image: np.ndarray, heat: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """Blend heat over image, both (H, W, 3) uint8: alpha 0 gives the image alone, 1 the heat."""
    if image.shape != heat.shape:
        raise ValueError(f"image {image.shape} and heat {heat.shape} must have one shape")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}: it is a share, from 0 to 1")
    mixed = (1 - alpha) * image.astype(np.float32) + alpha * heat
    return np.rint(mixed).astype(np.uint8)


def outline(
    image: np.ndarray,
    region: np.ndarray | Box,
    colour: Colour = (255, 255, 255),
    thickness: int = 1,
) -> np.ndarray:
    """Draw the inner edge of a region on a copy of an (H, W, 3) uint8 picture.

    region is a mask, (H, W) bool, or a box (top, left, bottom, right), the last two exclusive,
    in pixels; a box is cut at the picture's border.
    """
    if thickness < 1:
        raise ValueError(f"outline {thickness} pixels thick: at least 1 can be seen")
    mask = region_mask(region, image.shape[:2])
    inside = mask
    for _ in range(thickness):
        inside = _eroded(inside)
    drawn = image.copy()
    drawn[mask & ~inside] = colour
    return drawn


def region_mask(region: np.ndarray | Box, shape: tuple[int, ...]) -> np.ndarray:
    """A region as an (H, W) bool mask of that shape; a box is cut at the border.

    Raises ValueError for a mask of another shape or dtype.
    """
    if isinstance(region, np.ndarray):
        if region.shape != shape or region.dtype != np.bool_:
            raise ValueError(f"mask {region.dtype} {region.shape}: bool {shape} is needed")
        return region
    mask = np.zeros(shape, np.bool_)
    top, left, bottom, right = (max(edge, 0) for edge in region)
    mask[top:bottom, left:right] = True
    return mask


def mosaic(
    tiles: Sequence[np.ndarray],
    columns: int,
    gap: int = 1,
    background: Colour = SHEET,
) -> np.ndarray:
    """Arrange (h, w, 3) uint8 tiles in rows of `columns`: the 3x3 grids of the paper's Fig 2.

    Cells are as high and wide as the largest tile, smaller ones are centred; there are gap pixels
    between cells, none around, and the last row may be short. No tiles raise ValueError.
    """
    if not tiles or columns < 1 or gap < 0:
        raise ValueError(f"mosaic of {len(tiles)} tiles, {columns} columns, gap {gap}: 1, 1, 0 up")
    for tile in tiles:
        require_picture(tile)
    h = max(tile.shape[0] for tile in tiles)
    w = max(tile.shape[1] for tile in tiles)
    rows = -(-len(tiles) // columns)
    shape = (rows * (h + gap) - gap, columns * (w + gap) - gap, 3)
    sheet = np.broadcast_to(np.array(background, np.uint8), shape).copy()
    for i, tile in enumerate(tiles):
        top = i // columns * (h + gap) + (h - tile.shape[0]) // 2
        left = i % columns * (w + gap) + (w - tile.shape[1]) // 2
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _about_grey(chw: np.ndarray, scale: float) -> np.ndarray:
    unit = np.clip(chw / (scale or 1.0), -1, 1)
    return np.rint(GREY + SWING * unit).astype(np.uint8).transpose(1, 2, 0)  # CHW -> HWC


def _stretched(values: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    # Bilinear, not bicubic, which overshoots to values that were not measured.
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(values).resize((size[1], size[0]), method))


def _eroded(mask: np.ndarray) -> np.ndarray:
    # The border counts as outside: an object that the border cuts has a closed outline.
    framed = np.pad(mask, 1)
    across = framed[1:-1, :-2] & framed[1:-1, 2:]
    return mask & across & framed[:-2, 1:-1] & framed[2:, 1:-1]


def _require_finite(values: np.ndarray, what: str) -> None:
    bad = int(np.size(values) - np.isfinite(values).sum())
    if bad:
        raise ValueError(f"{what}: {bad} of {values.size} values are NaN or infinite")
