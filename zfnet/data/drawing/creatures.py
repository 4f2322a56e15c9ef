"""Figures of living things: a face, a fish, a butterfly, a tree, a flower, a mushroom.

Each function draws one figure from back to front, with random proportions, and
returns where its parts are, in the sketch's frame. Colours c: (5, 3), the main one first.
"""

import math

import numpy as np

from zfnet.data.drawing.palettes import DARK, LIGHT, Colour
from zfnet.data.drawing.shapes import (
    Point,
    band,
    circle,
    common,
    cut,
    ellipse,
    folded,
    melt,
    polygon,
    rotated,
    stroke,
    union,
)
from zfnet.data.drawing.sketch import Sketch, blend
from zfnet.data.drawing.textures import dots, scales, stripes

Parts = dict[str, Point]


def face(s: Sketch, c: np.ndarray) -> Parts:
    """A head with hair, ears, two eyes, brows, a nose, a mouth; left and right are the viewer's."""
    width, eye, row = s.vary(0.64, 0.76), s.vary(0.27, 0.34), s.vary(-0.14, -0.02)
    side = np.abs(s.u)
    skin = blend(c[0], c[0] * 0.85, 0.5 + 0.5 * s.noise("clouds"))
    s.solid(ellipse(s.u, s.v, (0, -0.08), (width + 0.13, 0.85)), c[1], 0.3)
    s.solid(ellipse(side, s.v, (width, 0.08), (0.13, 0.2)), c[0], 0.15)
    head = ellipse(s.u, s.v, (0, 0.08), (width, 0.84))
    s.solid(head, skin, 0.5)
    _hair(s, c[1], width)
    s.mark(circle(side, s.v, (0.42, 0.4), 0.15), c[2], 0.3)
    _eyes(s, c[3], eye, row)
    nose = (0.0, s.vary(0.2, 0.27))
    _nose(s, c[0], nose)
    _mouth(s, c[2], (0.0, s.vary(0.56, 0.63)), s.vary(0.24, 0.36))
    return {"left eye": (-eye, row), "right eye": (eye, row), "nose": nose}


def _hair(s: Sketch, colour: Colour, width: float) -> None:
    locks = stripes(s.u + 0.3 * s.v, 0.16, 0.5, s.pixel)
    top = ellipse(s.u, s.v, (0, -0.1), (width + 0.14, 0.84))
    parting = s.vary(-0.3, 0.3)
    line = s.v + s.vary(0.38, 0.5) - 0.5 * (s.u - parting) * (s.u - parting)
    s.solid(common(top, line), blend(colour, colour * 0.7, locks), 0.2)


def _eyes(s: Sketch, iris: Colour, eye: float, row: float) -> None:
    side, gaze = np.abs(s.u), s.vary(-0.05, 0.05)
    ball = ellipse(side, s.v, (eye, row), (0.185, 0.15))
    s.solid(ball, LIGHT, 0.1)
    # The gaze moves both irises the same way, so these are not drawn on the folded half.
    for centre in ((gaze - eye, row), (gaze + eye, row)):
        distance = circle(s.u, s.v, centre, 0.0)
        s.mark(common(distance - 0.115, ball), iris * 0.8)
        s.mark(distance - 0.06, DARK)
    s.mark(band(ball, 0.025), DARK, 0.8)
    s.mark(stroke(side, s.v, (eye - 0.18, row - 0.24), (eye + 0.17, row - 0.29), 0.045), DARK, 0.85)


def _nose(s: Sketch, skin: Colour, tip: Point) -> None:
    bridge = stroke(s.u, s.v, (0, tip[1] - 0.26), tip, 0.05)
    shape = melt(bridge, ellipse(s.u, s.v, tip, (0.15, 0.1)), 0.1)
    s.solid(shape, skin * 1.05, 0.12)
    s.mark(circle(np.abs(s.u), s.v, (0.075, tip[1] + 0.05), 0.03), DARK, 0.7)


def _mouth(s: Sketch, lips: Colour, centre: Point, width: float) -> None:
    smile = s.vary(-0.25, 0.45)
    v = s.v + smile * (s.u * s.u) * 2
    s.mark(ellipse(s.u, v, centre, (width, 0.1)), lips * 0.8)
    s.mark(ellipse(s.u, v, centre, (width * 0.8, 0.03)), DARK)


def fish(s: Sketch, c: np.ndarray) -> Parts:
    """A fish that swims to the right: scales, fins with rays, a tail, an eye, a gill."""
    height, tail = s.vary(0.36, 0.5), s.vary(0.36, 0.52)
    rays = blend(c[1], c[1] * 0.65, stripes(s.v + 0.3 * s.u, 0.14, 0.4, s.pixel))
    lobes = [(-0.4, -0.1), (-0.4, 0.1), (-0.98, tail), (-0.78, -0.1)]
    s.solid(polygon(s.u, np.abs(s.v), lobes), rays, 0.1)
    fin = ellipse(s.u, s.v, (-0.05, -height * 0.8), (0.42, 0.3))
    s.solid(union(fin, ellipse(s.u, s.v, (-0.1, height * 0.85), (0.2, 0.2))), rays, 0.12)
    body = ellipse(s.u, s.v, (0.14, 0), (0.78, height))
    s.solid(body, _fish_skin(s, c, height), 0.4)
    gill = common(band(circle(s.u, s.v, (0.25, 0), 0.34), 0.03), common(0.3 - s.u, body + 0.04))
    s.mark(gill, DARK, 0.75)
    p, q = rotated(s.u, s.v, (0.12, 0.1), s.vary(0.2, 0.7))
    s.solid(ellipse(p, q, (-0.13, 0), (0.2, 0.1)), rays, 0.1)
    eye = (0.66, -0.1)
    s.solid(circle(s.u, s.v, eye, 0.12), LIGHT, 0.08)
    s.mark(circle(s.u, s.v, (0.68, -0.1), 0.065), DARK)
    s.mark(stroke(s.u, s.v, (0.74, 0.13), (0.92, 0.1), 0.03), DARK, 0.8)
    return {"eye": eye, "tail": (-0.6, 0.0), "body": (0.1, 0.0)}


def _fish_skin(s: Sketch, c: np.ndarray, height: float) -> np.ndarray:
    belly = np.minimum(np.maximum(s.v / height * 0.8 + 0.3, 0), 1)
    skin = blend(c[0], 0.5 * c[0] + 0.5 * LIGHT, belly)
    if s.rng.random() < 0.5:
        lines = stripes(s.u + 0.6 * s.v * s.v, 0.36, 0.35, s.pixel) * (s.u < 0.35)
        skin += lines * (c[2][:, None, None] - skin)
    rims = scales(s.u, s.v, 0.2, s.pixel) * (s.u < 0.45)
    return skin * (1 - 0.38 * rims)


def butterfly(s: Sketch, c: np.ndarray) -> Parts:
    """A butterfly seen from above: four wings with dark rims and spots, a body, two antennae."""
    side, spread = np.abs(s.u), s.vary(-0.75, -0.5)
    lower = rotated(side, s.v, (0.06, 0.1), s.vary(0.7, 0.95))
    upper = rotated(side, s.v, (0.04, -0.05), spread)
    rim = s.vary(0.08, 0.14)
    spots = dots(side, s.v, 0.24, 0.06, s.pixel)
    hind = ellipse(*lower, (0.42, 0), (0.42, 0.3))
    s.solid(hind, c[1] * 0.5, 0.15)
    s.mark(hind + rim, blend(c[1], LIGHT, spots))
    fore = ellipse(*upper, (0.54, 0), (0.54, 0.36))
    s.solid(fore, c[0] * 0.4, 0.15)
    veins = stripes(np.arctan2(upper[1], upper[0] + 0.05), 0.3, 0.25, s.pixel * 2)
    s.mark(fore + rim, blend(c[0], c[0] * 0.6, veins))
    s.mark(ellipse(*upper, (0.74, 0.0), (0.15, 0.13)), c[2])
    s.mark(ellipse(*upper, (0.74, 0.0), (0.07, 0.06)), DARK)
    s.mark(ellipse(*lower, (0.5, 0.0), (0.12, 0.12)), c[3])
    s.solid(stroke(side, s.v, (0.04, -0.3), (s.vary(0.2, 0.34), -0.78), 0.028), DARK, 0.05)
    s.solid(ellipse(s.u, s.v, (0, 0.12), (0.1, 0.5)), DARK * 1.6, 0.1)
    s.solid(circle(s.u, s.v, (0, -0.38), 0.12), DARK * 1.6, 0.1)
    reach = 0.5 * math.cos(spread), -0.05 + 0.5 * math.sin(spread)
    return {"left wing": (-reach[0], reach[1]), "right wing": reach, "body": (0.0, 0.1)}


def tree(s: Sketch, c: np.ndarray) -> Parts:
    """A tree: a trunk with bark and roots, a crown of leaves in clumps, fruit."""
    half = s.vary(0.09, 0.14)
    bark = blend(c[1] * 0.7, c[1] * 0.4, 0.5 + 0.5 * s.noise("fibres"))
    trunk = [(half, -0.2), (half * 1.7, 0.96), (-half * 1.7, 0.96), (-half, -0.2)]
    s.solid(polygon(s.u, s.v, trunk), bark, 0.15)
    s.solid(stroke(s.u, s.v, (0, 0.45), (s.vary(0.25, 0.4), 0.05), 0.05), bark, 0.05)
    leaves = blend(c[0], c[0] * 0.6, 0.5 + 0.5 * s.noise("blotches"))
    for k in range(5):
        angle = 2 * math.pi * (k + s.vary(0.3, 0.7)) / 5 + math.pi / 2
        centre = (0.42 * math.cos(angle), -0.36 + 0.3 * math.sin(angle))
        s.solid(circle(s.u, s.v, centre, s.vary(0.28, 0.37)), leaves, 0.3)
    s.solid(circle(s.u, s.v, (0, -0.4), 0.36), leaves, 0.35)
    for k in range(6):
        angle, far = math.pi * (k + s.vary(0.2, 0.8)) / 3, 0.28 + 0.24 * (k % 2)
        centre = (far * math.cos(angle), -0.36 + far * math.sin(angle))
        s.solid(circle(s.u, s.v, centre, 0.075), c[2], 0.075)
    return {"crown": (0.0, -0.4), "trunk": (0.0, 0.7)}


def flower(s: Sketch, c: np.ndarray) -> Parts:
    """A flower: a stem, two leaves, two rings of petals, a dotted disc."""
    centre, count, phase = (0.0, -0.28), int(s.rng.integers(5, 10)), s.vary(0, 6.28)
    bend = s.vary(-0.15, 0.15)
    s.solid(stroke(s.u, s.v, centre, (bend, 0.95), 0.05), c[1] * 0.8, 0.05)
    for turn, end in ((-0.6, 0.42), (math.pi + 0.6, 0.62)):
        p, q = rotated(s.u, s.v, (bend * 0.6, end), turn)
        leaf = common(circle(p, q, (0.24, 0.2), 0.32), circle(p, q, (0.24, -0.2), 0.32))
        s.solid(leaf, blend(c[1] * 0.85, LIGHT, 0.5 * stripes(np.abs(q) + p, 0.14, 0.3, s.pixel)))
    fat = min(0.28, 1.5 / count)
    p, q = folded(s.u, s.v, centre, count, phase)
    streaks = 1 - np.minimum(np.maximum(p / 0.6, 0), 1)
    s.solid(ellipse(p, q, (0.42, 0), (0.29, fat)), blend(c[0], c[2], streaks), 0.14)
    p, q = folded(s.u, s.v, centre, count, phase + math.pi / count)
    s.solid(ellipse(p, q, (0.28, 0), (0.2, fat * 0.7)), blend(c[0] * 0.9, c[2], streaks), 0.12)
    seeds = dots(s.u, s.v + 0.28, 0.1, 0.035, s.pixel)
    s.solid(circle(s.u, s.v, centre, 0.2), blend(c[3], c[3] * 0.35, seeds), 0.16)
    return {"disc": centre, "stem": (bend * 0.85, 0.8)}


def mushroom(s: Sketch, c: np.ndarray) -> Parts:
    """A mushroom: a stalk with a ring, gills, a cap with pale spots."""
    half, rise = s.vary(0.18, 0.26), s.vary(0.72, 0.84)
    stalk = [(half, -0.1), (half * 1.35, 0.85), (0, 0.95), (-half * 1.35, 0.85), (-half, -0.1)]
    pale = 0.75 * LIGHT + 0.25 * c[1]
    fibres = 0.5 + 0.5 * s.noise("fibres")
    s.solid(polygon(s.u, s.v, stalk), blend(pale, pale * 0.7, fibres), 0.22)
    s.solid(ellipse(s.u, s.v, (0, 0.28), (half * 1.35, 0.09)), pale, 0.08)
    rim = ellipse(s.u, s.v, (0, 0.02), (0.9, 0.17))
    gills = stripes(np.abs(s.u) / (0.4 + np.maximum(s.v, 0)), 0.2, 0.45, 2 * s.pixel)
    s.solid(rim, blend(pale * 0.9, c[1] * 0.6, gills), 0.1)
    dome = cut(ellipse(s.u, s.v, (0, 0.0), (0.93, rise)), ellipse(s.u, s.v, (0, 0.16), (0.97, 0.2)))
    cap = common(dome, s.v - 0.03)
    s.solid(cap, blend(c[0], c[0] * 0.75, 0.5 + 0.5 * s.noise("clouds")), 0.4)
    for u, v in ((0.0, -0.48), (-0.42, -0.3), (0.45, -0.26), (-0.14, -0.16), (0.72, -0.06)):
        at, size = (u + s.vary(-0.08, 0.08), v + s.vary(-0.06, 0.06)), s.vary(0.09, 0.15)
        s.mark(common(ellipse(s.u, s.v, at, (size, size * 0.8)), cap + 0.03), LIGHT, 0.95)
    return {"cap": (0.0, -0.4), "stalk": (0.0, 0.6)}
