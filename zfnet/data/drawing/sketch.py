"""Sketch: one object drawn in its own frame, shaded, and composited over an image.

A frame's unit is about half the object; its u axis points to the object's right, v downwards. Parts
are painted from back to front: a `solid` belongs to the object's outline and is shaded as if its
edge were rounded, a `mark` is flat colour on what is already there. Colour is premultiplied with
coverage, so that anti-aliased parts can be composited over each other and over any background.
"""

import math
from dataclasses import dataclass

import numpy as np

from zfnet.data.drawing.brush import lay_mark, lay_sketch, lay_solid
from zfnet.data.drawing.palettes import Colour
from zfnet.data.drawing.shapes import Plane, Point
from zfnet.data.drawing.textures import sample

MARGIN = 0.3  # margin for the shadow around an object's reach, in units
_SHADOW, _PENUMBRA = 0.14, 0.3  # offset of a shadow and width of its edge, in units


@dataclass(frozen=True)
class Light:
    """Light from the direction (x, y) in the image, y downwards; `contrast` scales its shading."""

    x: float
    y: float
    contrast: float


@dataclass(frozen=True)
class Frame:
    """The frame of an object: centre and unit in image sides, clockwise angle in radians.

    `mirrored` objects face the other way. `reach` is the half width and half height, in image
    sides, of the upright box that holds the object.
    """

    x: float
    y: float
    unit: float
    angle: float
    mirrored: bool
    reach: Point

    def to_image(self, u: float, v: float) -> Point:
        """The point (u, v) of the frame as (x, y) in image sides."""
        u = -u if self.mirrored else u
        c, s = math.cos(self.angle), math.sin(self.angle)
        return self.x + self.unit * (c * u - s * v), self.y + self.unit * (s * u + c * v)


class Sketch:
    """The drawing of one object, on a window of pixels.

    u, v: coordinates of the pixels' centres in the object's frame, (h, w) float32
    pixel: the width of a pixel in units of the frame
    layer: premultiplied red, green, blue and the coverage, (4, h, w) float32
    outline: signed distance to the union of all solids, (h, w), in units
    """

    def __init__(self, frame: Frame, size: int, light: Light, rng: np.random.Generator) -> None:
        self.frame, self.size, self.light, self.rng = frame, size, light, rng
        self.pixel = 1 / (frame.unit * size)
        self._place()
        self.layer = np.zeros((4, *self.u.shape), np.float32)
        self.outline: Plane = np.full(self.u.shape, 9.0, np.float32)
        self._offset = rng.uniform(0, 2, 2)

    def _place(self) -> None:
        """Set the window of pixels, which may exceed the image, and its coordinates."""
        f, size = self.frame, self.size
        across, down = f.reach[0] + MARGIN * f.unit, f.reach[1] + MARGIN * f.unit
        self.top, bottom = math.floor((f.y - down) * size), math.ceil((f.y + down) * size)
        self.left, right = math.floor((f.x - across) * size), math.ceil((f.x + across) * size)
        y = (np.arange(self.top, bottom) + (0.5 - f.y * size)) * self.pixel
        x = (np.arange(self.left, right) + (0.5 - f.x * size)) * self.pixel
        x, y = x.astype(np.float32), y.astype(np.float32)
        c, s = math.cos(f.angle), math.sin(f.angle)
        flip = -1 if f.mirrored else 1
        self.u = (flip * c * x)[None, :] + (flip * s * y)[:, None]  # (1,w) + (h,1) -> (h,w)
        self.v = (-s * x)[None, :] + (c * y)[:, None]

    def vary(self, low: float, high: float) -> float:
        """A uniform random number from [low, high)."""
        return low + (high - low) * self.rng.random()

    def noise(self, kind: str) -> Plane:
        """Noise in the object's coordinates, in [-1, 1]."""
        unit, (x, y) = np.float32(self.frame.unit), self._offset.astype(np.float32)
        return sample(kind, self.size, self.u * unit + x, self.v * unit + y)

    def solid(self, shape: Plane, paint: Plane, bevel: float = 0.25) -> None:
        """Add a part to the object: `paint` is a colour (3,) or (3, h, w); `bevel` its rounding."""
        towards = self.light.x * self.light.contrast, self.light.y * self.light.contrast
        lay_solid(self.layer, self.outline, shape, _planes(paint), self.pixel, bevel, towards)

    def mark(self, shape: Plane, paint: Plane, opacity: float = 1.0) -> None:
        """Paint flat colour on the object; the outline does not change."""
        lay_mark(self.layer, shape, _planes(paint), self.pixel, opacity)

    def lay_on(self, image: np.ndarray, shadow: float) -> None:
        """Composite the sketch over `image`, (3, H, W) in place; `shadow` is its opacity."""
        shift = (-self.light.y * _SHADOW / self.pixel, -self.light.x * _SHADOW / self.pixel)
        corner = (self.top, self.left)
        lay_sketch(image, self.layer, self.outline, corner, shift, _PENUMBRA, shadow)

    def mask(self) -> np.ndarray:
        """The image's pixels that the object covers by half or more, (size, size) bool."""
        mask = np.zeros((self.size, self.size), bool)
        h, w = self.outline.shape
        top, left = max(self.top, 0), max(self.left, 0)
        part = self.layer[3, top - self.top :, left - self.left :]
        target = mask[top : self.top + h, left : self.left + w]
        target[...] = part[: target.shape[0], : target.shape[1]] >= 0.5
        return mask


def _planes(paint: Plane) -> Plane:
    """Paint for the pixel loops: (3,) -> (3, 1, 1), (3, h, w) unchanged."""
    return paint if paint.ndim == 3 else paint.reshape(3, 1, 1)


def blend(base: Colour, other: Colour, share: Plane) -> Plane:
    """Two colours mixed by a plane of shares in [0, 1]: (3,), (3,), (h, w) -> (3, h, w)."""
    return base[:, None, None] + share * (other - base)[:, None, None]
