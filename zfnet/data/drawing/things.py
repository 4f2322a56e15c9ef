"""Figures of artefacts: a car, a house, a cup, an umbrella, a clock, a key.

Each function draws one figure from back to front, with random proportions, and
returns where its parts are, in the sketch's frame. Colours c: (5, 3), the main one first.
"""

import math

import numpy as np

from zfnet.data.drawing.palettes import DARK, LIGHT, Colour
from zfnet.data.drawing.shapes import (
    Plane,
    Point,
    band,
    box,
    circle,
    common,
    cut,
    ellipse,
    folded,
    melt,
    polygon,
    stroke,
    union,
)
from zfnet.data.drawing.sketch import Sketch, blend
from zfnet.data.drawing.textures import bricks, checks, dots, stripes

Parts = dict[str, Point]

GLASS = np.array([0.66, 0.80, 0.88], np.float32)


def decorated(s: Sketch, base: Colour, other: Colour, period: float) -> Plane:
    """A colour with one of five decorations in another; the same five for every figure."""
    kind = int(s.rng.integers(5))
    if kind == 0:
        return blend(base, other, stripes(s.u, period, 0.4, s.pixel))
    if kind == 1:
        return blend(base, other, stripes(s.v, period, 0.4, s.pixel))
    if kind == 2:
        return blend(base, other, dots(s.u, s.v, period, 0.28 * period, s.pixel))
    if kind == 3:
        return blend(base, other, checks(s.u, s.v, 1.6 * period, s.pixel))
    return blend(base, base * 0.75, 0.5 + 0.5 * s.noise("clouds"))


def car(s: Sketch, c: np.ndarray) -> Parts:
    """A car seen from its side that drives to the right: windows, doors, lamps, two wheels."""
    front, back, roof = s.vary(0.34, 0.5), s.vary(-0.72, -0.5), s.vary(-0.62, -0.5)
    cabin = [(back + 0.14, roof), (front - 0.22, roof), (front + 0.12, 0.0), (back - 0.08, 0.0)]
    s.solid(polygon(s.u, s.v, cabin, 0.03), c[0] * 0.92, 0.12)
    glass = blend(GLASS, LIGHT, stripes(s.u + 0.7 * s.v, 0.55, 0.3, s.pixel))
    panes = common(polygon(s.u, s.v, cabin) + 0.07, s.v + 0.06)
    post = 0.5 * (front + back)
    s.mark(cut(panes, np.abs(s.u - post) - 0.045), glass)
    body = box(s.u, s.v, (0, 0.17), (0.96, 0.25), 0.14)
    s.solid(body, c[0], 0.22)
    s.mark(common(np.abs(s.v - s.vary(0.12, 0.2)) - 0.05, body), c[1])
    s.mark(common(np.abs(s.u - post) - 0.018, np.abs(s.v - 0.12) - 0.22), c[0] * 0.4)
    s.mark(box(s.u, s.v, (post - 0.14, 0.06), (0.06, 0.025)), DARK, 0.8)
    s.solid(ellipse(s.u, s.v, (0.87, 0.1), (0.09, 0.08)), LIGHT, 0.06)
    s.mark(box(s.u, s.v, (-0.9, 0.1), (0.06, 0.07)), c[2])
    wheels = s.vary(-0.6, -0.5), s.vary(0.52, 0.62)
    for u in wheels:
        _wheel(s, (u, 0.4), s.vary(0.22, 0.25))
    return {"rear wheel": (wheels[0], 0.4), "front wheel": (wheels[1], 0.4), "window": (post, -0.2)}


def _wheel(s: Sketch, centre: Point, radius: float) -> None:
    distance = circle(s.u, s.v, centre, 0.0)
    s.solid(distance - radius, DARK, 0.1)
    s.solid(distance - 0.58 * radius, LIGHT * 0.85, 0.08)
    s.mark(distance - 0.2 * radius, DARK)


def house(s: Sketch, c: np.ndarray) -> Parts:
    """A house: brick walls, a tiled roof, a chimney, a door, two windows with bars."""
    half, eaves = s.vary(0.6, 0.7), s.vary(-0.2, -0.06)
    s.solid(box(s.u, s.v, (s.vary(0.32, 0.42), -0.55), (0.1, 0.3)), c[3], 0.08)
    mortar = bricks(s.u, s.v, 0.26, s.pixel)
    s.solid(box(s.u, s.v, (0, 0.36), (half, 0.56)), blend(c[0], c[0] * 0.62, mortar), 0.1)
    corner = (half + 0.22, eaves + 0.08)
    roof = polygon(s.u, s.v, [(0.0, -0.95), corner, (-corner[0], corner[1])])
    tiles = stripes(s.v, 0.15, 0.3, s.pixel)
    s.solid(roof, blend(c[1], c[1] * 0.55, tiles), 0.12)
    side = 1 if s.rng.random() < 0.5 else -1
    door = (-side * half * 0.45, 0.6)
    s.solid(box(s.u, s.v, door, (0.16, 0.32), 0.06), c[2], 0.06)
    s.mark(circle(s.u, s.v, (door[0] + 0.09, 0.62), 0.035), LIGHT)
    window = (side * half * 0.45, 0.4)
    _window(s, window, (0.19, 0.2))
    s.solid(circle(s.u, s.v, (0, -0.42), 0.14), LIGHT, 0.06)
    s.mark(circle(s.u, s.v, (0, -0.42), 0.09), GLASS * 0.6)
    return {"door": door, "window": window, "roof": (0.0, -0.2 + 0.5 * eaves)}


def _window(s: Sketch, centre: Point, half: Point) -> None:
    s.solid(box(s.u, s.v, centre, half), LIGHT, 0.05)
    pane = box(s.u, s.v, centre, (half[0] - 0.05, half[1] - 0.05))
    bars = np.minimum(np.abs(s.u - centre[0]), np.abs(s.v - centre[1])) - 0.022
    s.mark(cut(pane, bars), GLASS * 0.6)


def cup(s: Sketch, c: np.ndarray) -> Parts:
    """A cup on a saucer: a decorated body, a handle to the right, a dark drink."""
    top, foot, rim = s.vary(0.52, 0.6), s.vary(0.34, 0.44), s.vary(-0.6, -0.45)
    s.solid(ellipse(s.u, s.v, (-0.12, 0.62), (0.82, 0.17)), c[1], 0.12)
    s.mark(ellipse(s.u, s.v, (-0.12, 0.6), (0.5, 0.08)), c[1] * 0.6)
    ring = ellipse(s.u, s.v, (0.42, 0.0), (0.36, 0.32))
    s.solid(band(ring, 0.075), c[2], 0.09)
    sides = [(top - 0.15, rim), (foot - 0.15, 0.5), (-foot - 0.15, 0.5), (-top - 0.15, rim)]
    bottom = ellipse(s.u, s.v, (-0.15, 0.5), (foot, 0.14))
    body = union(polygon(s.u, s.v, sides), bottom)
    paint = decorated(s, c[0], c[3], 0.3)
    # A round body is darker towards its sides, which a rounded edge alone does not show.
    s.solid(body, paint * (1.05 - 0.45 * ((s.u + 0.15) / top) ** 2), 0.2)
    s.solid(ellipse(s.u, s.v, (-0.15, rim), (top, 0.15)), LIGHT * 0.6 + c[0] * 0.4, 0.06)
    s.mark(ellipse(s.u, s.v, (-0.15, rim + 0.02), (top - 0.08, 0.09)), DARK * 0.5 + c[2] * 0.35)
    return {"body": (-0.15, 0.1), "handle": (0.78, 0.0), "rim": (-0.15, rim)}


def umbrella(s: Sketch, c: np.ndarray) -> Parts:
    """An open umbrella: panels in two colours with a scalloped edge, a shaft, a hooked handle."""
    radius, panels = s.vary(0.86, 0.95), int(s.rng.integers(4, 7))
    hook = common(band(circle(s.u, s.v, (0.16, 0.72), 0.16), 0.045), 0.72 - s.v)
    shaft = stroke(s.u, s.v, (0, -0.92), (0, 0.74), 0.04)
    s.solid(union(shaft, hook), c[2] * 0.7, 0.06)
    # Panels are bounded by meridians: ellipses through the tip, so u over the width of the dome.
    dome = circle(s.u, s.v, (0, 0.12), radius)
    width = np.sqrt(np.maximum(radius * radius - (s.v - 0.12) ** 2, 0.02))
    across = s.u / width * (0.5 * panels) + 0.5 * panels
    hem = 0.12 - 0.14 * np.abs(np.sin(math.pi * across)).astype(np.float32)
    canopy = common(dome, s.v - hem)
    odd = stripes(across, 2.0, 0.5, s.pixel * panels * 0.6)
    s.solid(canopy, blend(c[0], c[1], odd), 0.4)
    ribs = np.abs(across - np.rint(across)) * (2 * radius / panels) - 0.018
    s.mark(common(ribs, canopy), DARK, 0.6)
    return {"canopy": (0.0, -0.45), "handle": (0.0, 0.6)}


def clock(s: Sketch, c: np.ndarray) -> Parts:
    """An alarm clock: two bells, feet, a rim, a dial with twelve marks and two hands."""
    side, centre = np.abs(s.u), (0.0, 0.08)
    s.solid(stroke(side, s.v, (0.4, 0.6), (0.58, 0.92), 0.07), c[1] * 0.7, 0.08)
    s.solid(stroke(s.u, s.v, (0, -0.5), (0, -0.88), 0.05), c[2] * 0.7, 0.05)
    s.solid(circle(side, s.v, (0.46, -0.62), 0.27), c[1], 0.2)
    distance = circle(s.u, s.v, centre, 0.0)
    s.solid(distance - s.vary(0.76, 0.82), c[0], 0.14)
    dial = LIGHT if s.rng.random() < 0.7 else c[3] * 0.4 + LIGHT * 0.6
    s.solid(distance - 0.62, dial, 0.05)
    p, q = folded(s.u, s.v, centre, 12, 0.0)
    s.mark(box(p, q, (0.53, 0), (0.055, 0.025)), DARK)
    for length, width in ((0.3, 0.05), (0.45, 0.035)):
        angle = s.vary(0, 2 * math.pi)
        tip = (length * math.cos(angle), 0.08 + length * math.sin(angle))
        s.mark(stroke(s.u, s.v, centre, tip, width), DARK)
    s.mark(distance - 0.08, c[2])
    return {"dial": centre, "left bell": (-0.5, -0.68), "right bell": (0.5, -0.68)}


def key(s: Sketch, c: np.ndarray) -> Parts:
    """A key: a bow of one or three rings, a collar, a shaft, two or three teeth to the right."""
    hole, width = s.vary(0.16, 0.2), s.vary(0.075, 0.1)
    metal = blend(c[0], c[0] * 0.7, 0.5 + 0.5 * s.noise("fibres"))
    shaft = stroke(s.u, s.v, (0, -0.1), (0, 0.9), width)
    for k in range(int(s.rng.integers(2, 4))):
        tooth = box(s.u, s.v, (0.17, 0.84 - 0.21 * k), (0.17 - 0.03 * (k % 2), 0.065))
        shaft = union(shaft, tooth)
    s.solid(shaft, metal, 0.1)
    bow = circle(s.u, s.v, (0, -0.53), 0.38)
    if s.rng.random() < 0.5:
        side = np.abs(s.u)
        lobes = union(circle(side, s.v, (0.24, -0.42), 0.22), circle(side, s.v, (0, -0.72), 0.23))
        bow = melt(lobes, circle(s.u, s.v, (0, -0.52), 0.3), 0.08)
    s.solid(cut(bow, circle(s.u, s.v, (0, -0.55), hole)), metal, 0.14)
    s.mark(band(circle(s.u, s.v, (0, -0.55), hole + 0.07), 0.02), c[1])
    for v in (-0.1, 0.02):
        s.solid(box(s.u, s.v, (0, v), (0.17, 0.045), 0.03), c[1], 0.05)
    return {"bow": (0.0, -0.83), "shaft": (0.0, 0.3), "tooth": (0.2, 0.84)}
