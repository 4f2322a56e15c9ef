"""Shapes as signed distances: negative inside, positive outside, zero on the outline.

Every function takes coordinate planes `u` (to the right) and `v` (downwards), float32, any one
shape, and returns the distance of each point to the outline in the units of the coordinates: exact
near the outline, where anti-aliasing and shading need it, an estimate farther away. From a distance
follow the coverage of a pixel (divided by the pixel's width), a border (its absolute value) and a
rounded edge (a slope).

Formulas: Inigo Quilez, "2D distance functions", https://iquilezles.org/articles/distfunctions2d/.
"""

import math
from collections.abc import Sequence

import numpy as np

Plane = np.ndarray
Point = tuple[float, float]


def circle(u: Plane, v: Plane, centre: Point, radius: float) -> Plane:
    """A disc."""
    p, q = u - centre[0], v - centre[1]
    return np.sqrt(p * p + q * q) - radius


def ellipse(u: Plane, v: Plane, centre: Point, radii: Point) -> Plane:
    """An ellipse with half axes `radii` along u and v, its distance to first order."""
    p, q = (u - centre[0]) / radii[0], (v - centre[1]) / radii[1]
    # At the centre level and slope vanish; the added terms make their quotient a radius.
    level = np.sqrt(p * p + q * q) + 1e-6
    p, q = p / radii[0], q / radii[1]
    return (level - 1) * level / (np.sqrt(p * p + q * q) + 1e-6 / max(radii))


def box(u: Plane, v: Plane, centre: Point, half: Point, rounding: float = 0.0) -> Plane:
    """An upright rectangle with half sides `half`; its corners rounded with radius `rounding`."""
    p = np.abs(u - centre[0]) - (half[0] - rounding)
    q = np.abs(v - centre[1]) - (half[1] - rounding)
    if rounding == 0.0:
        return np.maximum(p, q)
    a, b = np.maximum(p, 0), np.maximum(q, 0)
    return np.sqrt(a * a + b * b) + np.minimum(np.maximum(p, q), 0) - rounding


def stroke(u: Plane, v: Plane, start: Point, end: Point, radius: float) -> Plane:
    """A straight stroke with round ends; `radius` is half its width."""
    du, dv = end[0] - start[0], end[1] - start[1]
    p, q = u - start[0], v - start[1]
    along = (p * du + q * dv) / max(du * du + dv * dv, 1e-12)
    along = np.minimum(np.maximum(along, 0), 1)
    p, q = p - along * du, q - along * dv
    return np.sqrt(p * p + q * q) - radius


def polygon(u: Plane, v: Plane, corners: Sequence[Point], rounding: float = 0.0) -> Plane:
    """A convex polygon, its corners clockwise on the screen, grown by `rounding`."""
    inside = None
    for (au, av), (bu, bv) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = max(math.hypot(bu - au, bv - av), 1e-9)
        nu, nv = (bv - av) / length, (au - bu) / length
        edge = u * nu + (v * nv - (au * nu + av * nv + rounding))
        inside = edge if inside is None else np.maximum(inside, edge)
    assert inside is not None
    return inside


def union(*shapes: Plane) -> Plane:
    """The union of the shapes."""
    joined = shapes[0]
    for shape in shapes[1:]:
        joined = np.minimum(joined, shape)
    return joined


def common(a: Plane, b: Plane) -> Plane:
    """The intersection of two shapes."""
    return np.maximum(a, b)


def cut(a: Plane, b: Plane) -> Plane:
    """`a` without `b`."""
    return np.maximum(a, -b)


def melt(a: Plane, b: Plane, width: float) -> Plane:
    """The smooth union of two shapes, blended over `width`."""
    near = np.maximum(width - np.abs(a - b), 0)
    return np.minimum(a, b) - near * near * (0.25 / width)


def band(shape: Plane, half_width: float) -> Plane:
    """A line of width 2 `half_width` along the outline of a shape."""
    return np.abs(shape) - half_width


def rotated(u: Plane, v: Plane, centre: Point, angle: float) -> tuple[Plane, Plane]:
    """Coordinates of a frame at `centre`, rotated clockwise on the screen by `angle` radians."""
    c, s = math.cos(angle), math.sin(angle)
    p, q = u - centre[0], v - centre[1]
    return c * p + s * q, c * q - s * p


def folded(u: Plane, v: Plane, centre: Point, copies: int, phase: float) -> tuple[Plane, Plane]:
    """Coordinates that repeat a shape on the positive first axis `copies` times in a ring."""
    p, q = u - centre[0], v - centre[1]
    radius = np.sqrt(p * p + q * q)
    turns = (np.arctan2(q, p) - phase) * (copies / (2 * math.pi))
    angle = (turns - np.rint(turns)) * (2 * math.pi / copies)
    return radius * np.cos(angle), radius * np.sin(angle)
