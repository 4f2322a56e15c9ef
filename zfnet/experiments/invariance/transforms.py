"""Translations, scalings and rotations of an image (paper, section 4, Fig 5).

An image is transformed before it is cropped, so that its own pixels enter over the crop's border.
Outside the image its border pixels are repeated: a grey area would add an edge, to which the first
layer responds. Shifts are whole pixels and need no interpolation; scalings and rotations use cubic
splines, which blur little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from zfnet.data import Preprocess

SHIFT = 60 / 224
"""The paper's largest shift, as a share of the image's side."""


@dataclass(frozen=True)
class Transform:
    """About the crop's centre: `angle` degrees counterclockwise and `scale` times larger; then
    `shift` pixels down and `right` pixels to the right."""

    shift: int = 0
    scale: float = 1.0
    angle: float = 0.0
    right: int = 0


@dataclass(frozen=True)
class Sweep:
    """One row of Fig 5: values of one kind of transformation; `small`: the smallest ones."""

    name: str
    unit: str
    values: tuple[float, ...]
    transforms: tuple[Transform, ...]
    small: tuple[float, ...]


def sweeps(image_size: int) -> tuple[Sweep, ...]:
    """The paper's three: shifts of -60..60 pixels at 224, scales of 1..1.8, all angles.

    The paper does not give its steps; ours are 10 pixels at 224, 0.1 and 10 degrees.
    """
    largest = max(1, round(SHIFT * image_size))
    shifts = [int(s) for s in np.unique(np.rint(np.linspace(-largest, largest, 13)))]
    step = min(s for s in shifts if s > 0)
    scales = [round(1 + 0.1 * i, 1) for i in range(9)]
    angles = range(0, 360, 10)
    return (
        Sweep("translation", "pixels down", tuple(shifts), tuple(Transform(s) for s in shifts),
              (-step, step)),
        Sweep("scale", "times", tuple(scales), tuple(Transform(scale=s) for s in scales), (1.1,)),
        Sweep("rotation", "degrees", tuple(angles), tuple(Transform(angle=a) for a in angles),
              (10, 350)),
    )  # fmt: skip


def transformed(
    preprocess: Preprocess, image: np.ndarray, transforms: Sequence[Transform]
) -> np.ndarray:
    """An image (H,W,3) uint8 in each of T transforms, preprocessed: (T,3,S,S) float32.

    The identity gives the centre crop of the prepared image, pixel for pixel.
    """
    reach = preprocess.image_size // 2
    canvas, top, left = _canvas(preprocess, image, reach)
    padded = np.pad(canvas, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    splines = [ndimage.spline_filter(padded[:, :, c], output=np.float32) for c in range(3)]
    corner = (top + reach, left + reach)
    crops = np.stack([preprocess.centre(_transformed_square(preprocess, splines, corner, t))
                      for t in transforms])  # fmt: skip
    return crops.transpose(0, 3, 1, 2)  # (T,S,S,3) -> (T,3,S,S)


def _canvas(preprocess: Preprocess, image: np.ndarray, reach: int) -> tuple[np.ndarray, int, int]:
    """The square of `prepare` with up to `reach` of the image's pixels around it, and the square's
    top and left in it."""
    square, resize = preprocess.prepare(image), preprocess.resize
    H, W = image.shape[:2]
    side = min(H, W)
    if preprocess.fit == "warp":  # all of the image is in the square
        return square, 0, 0
    if side == resize:
        return image, (H - side) // 2, (W - side) // 2
    step = side / resize
    # Whole pixels around the square: those of one grid.
    rows, columns = (min(reach, int((length - side) / 2 / step)) for length in (H, W))
    up, across = side / 2 + rows * step, side / 2 + columns * step
    box = max(0, W / 2 - across), max(0, H / 2 - up), min(W, W / 2 + across), min(H, H / 2 + up)
    size = (resize + 2 * columns, resize + 2 * rows)
    picture = Image.fromarray(np.ascontiguousarray(image))
    canvas = np.array(picture.resize(size, Image.Resampling.BILINEAR, box=box))
    # Inside, the resized pixels equal the square up to rounding; this makes them equal.
    canvas[rows : rows + resize, columns : columns + resize] = square
    return canvas, rows, columns


def _transformed_square(
    preprocess: Preprocess, splines: Sequence[np.ndarray], corner: tuple[int, int], t: Transform
) -> np.ndarray:
    """The transformed square, uint8; `corner` is its top and left in the planes."""
    S, resize = preprocess.image_size, preprocess.resize
    cos, sin = (f(math.radians(t.angle)) / t.scale for f in (math.cos, math.sin))
    # Where a pixel at (row, column) comes from; rows count downwards.
    back = np.array([[cos, sin], [-sin, cos]])
    # About the crop's centre, from one pixel's centre to another's.
    centre = (resize - S) // 2 + (S - 1) / 2
    origin = np.array(corner) + centre - back @ [centre + t.shift, centre + t.right]
    planes = [ndimage.affine_transform(plane, back, origin, (resize, resize), prefilter=False)
              for plane in splines]  # fmt: skip
    return np.clip(np.rint(np.stack(planes, axis=2)), 0, 255).astype(np.uint8)
