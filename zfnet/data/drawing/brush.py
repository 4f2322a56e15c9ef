"""Compiled pixel loops: shaded paint, flat paint, and compositing of a sketch over an image.

A scene has a dozen small parts. For each, NumPy's overhead for two dozen operations exceeds the
arithmetic; a compiled loop needs one pass and releases the GIL. Arrays are float32, (rows, columns)
behind their colour axis.
"""

import numpy as np
from numba import njit

_EDGE_SHADE = 0.22  # darkening at a solid's edge, which separates touching parts
_GLOSS_FROM, _GLOSS = 0.30, 0.8  # highlights: the least lit slope, and their strength


@njit(cache=True, nogil=True)
def _height(distance: float, bevel: float) -> float:
    """Depth below the top of an edge that is rounded over `bevel`; 0 inside, 1 at the outline."""
    depth = min(max(1 + distance / bevel, 0.0), 1.5)
    return depth * depth


@njit(cache=True, nogil=True)
def _slope(shape: np.ndarray, r: int, q: int, bevel: float, light: tuple[float, float]) -> float:
    """Slope of the surface with that edge towards the light, by central differences."""
    rows, columns = shape.shape
    right = _height(shape[r, min(q + 1, columns - 1)], bevel)
    left = _height(shape[r, max(q - 1, 0)], bevel)
    below = _height(shape[min(r + 1, rows - 1), q], bevel)
    above = _height(shape[max(r - 1, 0), q], bevel)
    return 0.25 * ((right - left) * light[0] + (below - above) * light[1])


@njit(cache=True, nogil=True)
def lay_solid(
    layer: np.ndarray,
    outline: np.ndarray,
    shape: np.ndarray,
    paint: np.ndarray,
    pixel: float,
    bevel: float,
    light: tuple[float, float],
) -> None:
    """Composite a part over `layer`, (4, h, w) premultiplied, and add it to `outline`, (h, w).

    shape: signed distance, (h, w); paint: (3, h, w), or (3, 1, 1) for one colour; pixel: the width
    of a pixel; light: the direction (x, y) towards the light times the contrast of its shading.
    The shade is the slope of the rounded edge towards the light.
    """
    rows, columns = shape.shape
    step = 1 if paint.shape[1] > 1 else 0
    for r in range(rows):
        for q in range(columns):
            distance = shape[r, q]
            outline[r, q] = min(outline[r, q], distance)
            covered = min(0.5 - distance / pixel, 1.0)
            if covered <= 0:
                continue
            lit = _slope(shape, r, q, bevel, light) * bevel / pixel
            depth = min(max(1 + distance / bevel, 0.0), 1.5)
            shade = 1 + lit - _EDGE_SHADE * depth * depth * depth
            gloss = max(lit - _GLOSS_FROM, 0.0) * _GLOSS
            for k in range(3):
                colour = paint[k, r * step, q * step] * shade + gloss
                layer[k, r, q] += covered * (colour - layer[k, r, q])
            layer[3, r, q] += covered * (1 - layer[3, r, q])


@njit(cache=True, nogil=True)
def lay_mark(
    layer: np.ndarray, shape: np.ndarray, paint: np.ndarray, pixel: float, opacity: float
) -> None:
    """Composite flat colour over the covered part of `layer`. Arguments as for `lay_solid`."""
    rows, columns = shape.shape
    step = 1 if paint.shape[1] > 1 else 0
    for r in range(rows):
        for q in range(columns):
            covered = opacity * min(0.5 - shape[r, q] / pixel, 1.0)
            if covered <= 0:
                continue
            for k in range(3):
                colour = paint[k, r * step, q * step] * layer[3, r, q]
                layer[k, r, q] += covered * (colour - layer[k, r, q])


@njit(cache=True, nogil=True)
def _between(plane: np.ndarray, y: float, x: float) -> float:
    """Bilinear interpolation of the plane, with border pixels repeated."""
    rows, columns = plane.shape
    r = min(max(int(np.floor(y)), 0), rows - 2)
    q = min(max(int(np.floor(x)), 0), columns - 2)
    a, b = min(max(y - r, 0.0), 1.0), min(max(x - q, 0.0), 1.0)
    upper = plane[r, q] + b * (plane[r, q + 1] - plane[r, q])
    lower = plane[r + 1, q] + b * (plane[r + 1, q + 1] - plane[r + 1, q])
    return upper + a * (lower - upper)


@njit(cache=True, nogil=True)
def lay_sketch(
    image: np.ndarray,
    layer: np.ndarray,
    outline: np.ndarray,
    corner: tuple[int, int],
    shift: tuple[float, float],
    softness: float,
    shadow: float,
) -> None:
    """Composite a layer with its shadow over `image`, (3, H, W) in place, where they overlap.

    corner: row and column of the layer's first pixel in the image; may be negative
    shift: of the shadow, in rows and columns
    softness: the width of the shadow's edge in units of the outline
    shadow: the share of light that it removes
    """
    height, width = image.shape[1], image.shape[2]
    rows, columns = outline.shape
    for r in range(max(-corner[0], 0), min(rows, height - corner[0])):
        for q in range(max(-corner[1], 0), min(columns, width - corner[1])):
            shape = _between(outline, r - shift[0], q - shift[1])
            dark = min(max(0.5 - shape / softness, 0.0), 1.0)
            dark *= dark * (3 - 2 * dark)
            kept = (1 - layer[3, r, q]) * (1 - shadow * dark)
            y, x = corner[0] + r, corner[1] + q
            for k in range(3):
                image[k, y, x] = image[k, y, x] * kept + layer[k, r, q]
