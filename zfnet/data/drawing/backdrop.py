"""Backgrounds: a gradient, a texture, and clutter that belongs to no class.

All lengths are in units of the image's side and are drawn from a given generator, so that the same
background is drawn at any size. Clutter is simple on purpose: rounded boxes, polygons, bars,
crescents and blobs with at most a pattern, without the inner structure of a class.
"""

import math

import numpy as np

from zfnet.data.drawing.shapes import Plane, box, circle, cut, ellipse, melt, polygon, stroke
from zfnet.data.drawing.sketch import Frame, Light, Sketch, blend
from zfnet.data.drawing.textures import checks, dots, sample, stripes


def backdrop(size: int, colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A textured ground in the first three of `colours`, (5, 3): (3, size, size) float32."""
    axis = ((np.arange(size) + 0.5) / size).astype(np.float32)
    x, y = axis[None, :], axis[:, None]
    angle, bend = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.35)
    cloud = _noise("clouds", size, x, y, rng)
    along = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
    share = np.minimum(np.maximum(0.5 + along + bend * cloud, 0), 1)
    ground = blend(colours[0], colours[1], 0.6 * share)
    pattern = _pattern(size, x, y, rng)
    ground += pattern * (colours[2][:, None, None] - ground)
    return ground


def _noise(kind: str, size: int, x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Noise from a random place of its tile, upright or on its side; (size, size) in [-1, 1]."""
    dx, dy = (np.float32(d) for d in rng.uniform(0, 2, 2))
    tile = sample(kind, size, x + dx, y + dy)
    return tile.T if rng.random() < 0.5 else tile


def _pattern(size: int, x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """How much of the third colour shows at each pixel; (size, size) in [0, 1]."""
    depth, pixel, period = rng.uniform(0.1, 0.4), 1 / size, rng.uniform(0.07, 0.2)
    kind, angle = int(rng.integers(6)), rng.uniform(0, math.pi)
    wobble = np.float32(0.02) * _noise("clouds", size, x, y, rng)
    c, s = math.cos(angle), math.sin(angle)
    p, q = x * c + y * s + wobble, y * c - x * s
    if kind == 0:
        return depth * stripes(p, period, 0.5, pixel)
    if kind == 1:
        return depth * checks(p, q, 1.5 * period, pixel)
    if kind == 2:
        return depth * dots(p, q, period, 0.3 * period, pixel)
    noise = ("blotches", "fibres", "grain")[kind - 3]
    return depth * (0.5 + 0.5 * _noise(noise, size, x, y, rng))


def clutter(image: np.ndarray, colours: np.ndarray, light: Light, rng: np.random.Generator) -> None:
    """Lay one to four distractors over `image`, (3, size, size) in place."""
    size = image.shape[1]
    for _ in range(int(rng.integers(1, 5))):
        unit, angle = 0.05 + 0.08 * rng.random(), 2 * math.pi * rng.random()
        reach = (1.25 * unit, 1.25 * unit)
        frame = Frame(rng.random(), rng.random(), unit, angle, mirrored=False, reach=reach)
        sketch = Sketch(frame, size, light, rng)
        paint = _paint(sketch, colours[rng.permutation(5)[:2]])
        sketch.solid(_distractor(sketch), paint, sketch.vary(0.15, 0.6))
        sketch.lay_on(image, shadow=0.25)


def _paint(s: Sketch, colours: np.ndarray) -> Plane:
    base, other = colours
    kind = int(s.rng.integers(4))
    if kind == 0:
        return blend(base, other, stripes(s.u, 0.5, 0.5, s.pixel))
    if kind == 1:
        return blend(base, other, 0.5 + 0.5 * s.noise("blotches"))
    return base


def _distractor(s: Sketch) -> Plane:
    kind = int(s.rng.integers(6))
    if kind == 0:
        return box(s.u, s.v, (0, 0), (s.vary(0.4, 0.9), s.vary(0.3, 0.7)), 0.2)
    if kind == 1:
        return polygon(s.u, s.v, _corners(s))
    if kind == 2:
        return stroke(s.u, s.v, (-1.0, 0.0), (1.0, 0.0), s.vary(0.1, 0.25))
    if kind == 3:
        moon = circle(s.u, s.v, (0, 0), 0.9)
        return cut(moon, circle(s.u, s.v, (s.vary(0.4, 0.8), 0.0), 0.8))
    if kind == 4:
        other = circle(s.u, s.v, (s.vary(0.3, 0.6), s.vary(-0.4, 0.4)), s.vary(0.3, 0.6))
        return melt(circle(s.u, s.v, (-0.3, 0), s.vary(0.4, 0.7)), other, 0.4)
    return ellipse(s.u, s.v, (0, 0), (s.vary(0.5, 1.0), s.vary(0.3, 0.6)))


def _corners(s: Sketch) -> list[tuple[float, float]]:
    """Three to five corners on the unit circle, clockwise on the screen."""
    count = int(s.rng.integers(3, 6))
    angles = [2 * math.pi * (k + s.vary(-0.25, 0.25)) / count for k in range(count)]
    return [(math.cos(a), math.sin(a)) for a in angles]
