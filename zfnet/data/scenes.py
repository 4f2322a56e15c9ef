"""The embedded data set: drawn scenes with known objects, boxes, masks and parts.

Twelve classes of coloured, textured, shaded objects on cluttered backgrounds. Position, size,
rotation, colour and light vary; all classes and backgrounds take their colours from the same
palettes, so that a network has to learn shape and texture. A scene is a function of (seed, split,
index) and is drawn, anti-aliased, at any size from 32 to 256. Nothing is stored or downloaded.
"""

import math
import operator
from dataclasses import dataclass

import numpy as np

from zfnet.data.dataset import Truth
from zfnet.data.drawing.backdrop import backdrop, clutter
from zfnet.data.drawing.figures import FIGURES, Figure
from zfnet.data.drawing.palettes import background_colours, object_colours
from zfnet.data.drawing.sketch import Frame, Light, Sketch
from zfnet.data.drawing.textures import sample

# Default number of images of each split: enough for a small network, and a tenth for tests.
COUNTS = {"train": 6000, "val": 600, "test": 600}
SMALLEST, LARGEST = 32, 256
_OVERHANG = 0.06  # share of an object's width or height that may lie outside the image


@dataclass(frozen=True)
class _Scene:
    """A drawn scene: (3, size, size) float32, about [0, 1]; its object; parts in its frame."""

    image: np.ndarray
    sketch: Sketch
    parts: dict[str, tuple[float, float]]


class Scenes:
    """Drawn scenes of twelve classes; `zfnet.data.dataset.Dataset` describes the methods.

    split: "train", "val" or "test"; no scene is in two of them
    seed: another seed is another data set, not negative
    size: height and width of the images in pixels, 32 to 256; the same scenes at every size
    count: number of scenes, by default COUNTS[split]; classes alternate, so that counts are equal

    Raises ValueError for another split, seed, size or count, TypeError for a number that is no
    integer. Safe to use from several threads.
    """

    name = "scenes"
    classes: tuple[str, ...] = tuple(figure.name for figure in FIGURES)

    def __init__(
        self, split: str, *, seed: int = 0, size: int = 64, count: int | None = None
    ) -> None:
        if split not in COUNTS:
            raise ValueError(f"there is no split {split!r} of scenes, only {', '.join(COUNTS)}")
        seed, size = operator.index(seed), operator.index(size)
        if seed < 0:
            raise ValueError(f"seed is {seed}, it must not be negative")
        if not SMALLEST <= size <= LARGEST:
            raise ValueError(
                f"size is {size}, scenes are drawn from {SMALLEST} to {LARGEST} pixels"
            )
        if count is not None and count < 1:
            raise ValueError(f"count is {count}, a data set needs at least one image")
        self.split, self.seed, self.size = split, seed, size
        self.count = COUNTS[split] if count is None else operator.index(count)

    def __len__(self) -> int:
        return self.count

    def image(self, index: int) -> np.ndarray:
        """The scene: (size, size, 3) uint8, RGB. Raises IndexError outside 0 .. len - 1."""
        image = self._scene(index).image
        image = np.minimum(np.maximum(image, 0), 1) * 255 + 0.5
        return np.ascontiguousarray(image.astype(np.uint8).transpose(1, 2, 0))  # (3,H,W) -> (H,W,3)

    def label(self, index: int) -> int:
        """The class of a scene, an index into `classes`."""
        return self._checked(index) % len(FIGURES)

    def title(self, index: int) -> str:
        """A readable title, such as "scene train/17 (face)"."""
        return f"scene {self.split}/{index} ({self.classes[self.label(index)]})"

    def truth(self, index: int) -> Truth:
        """The object of a scene: its visible mask, the tight box of that, parts in pixels.

        Left and right in a part's name are the viewer's. Coordinates count from the corner of the
        image, so the centre of pixel (r, c) is (r + 0.5, c + 0.5).
        """
        scene = self._scene(index)
        mask = scene.sketch.mask()
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
        places = {name: scene.sketch.frame.to_image(*at) for name, at in scene.parts.items()}
        parts = {name: (y * self.size, x * self.size) for name, (x, y) in places.items()}
        return Truth(box=box, mask=mask, parts=parts)

    def _checked(self, index: int) -> int:
        if not 0 <= index < self.count:
            raise IndexError(
                f"there is no scene {index} in {self.split}, only 0 to {self.count - 1}"
            )
        return index

    def _scene(self, index: int) -> _Scene:
        key = (tuple(COUNTS).index(self.split), self._checked(index))
        seeds = np.random.SeedSequence(self.seed, spawn_key=key)
        rng = np.random.Generator(np.random.PCG64(seeds))
        return _draw(FIGURES[self.label(index)], self.size, rng)


def _draw(figure: Figure, size: int, rng: np.random.Generator) -> _Scene:
    """Background, clutter, then the object; no random draw depends on `size`."""
    light = _light(rng)
    colours = object_colours(rng)
    behind = background_colours(rng, colours[0])
    image = backdrop(size, behind, rng)
    clutter(image, behind, light, rng)
    sketch = Sketch(_place(figure, rng), size, light, rng)
    parts = figure.draw(sketch, colours)
    sketch.lay_on(image, shadow=float(rng.uniform(0.3, 0.6)))
    _illuminate(image, light, rng)
    return _Scene(image, sketch, parts)


def _light(rng: np.random.Generator) -> Light:
    """Light from above, up to 80 degrees to either side."""
    angle = math.radians(rng.uniform(-80, 80))
    return Light(math.sin(angle), -math.cos(angle), float(rng.uniform(0.35, 0.8)))


def _place(figure: Figure, rng: np.random.Generator) -> Frame:
    """An angle, a size (half to two thirds of the side), and a place inside but for an overhang."""
    angle = float(rng.uniform(-figure.tilt, figure.tilt))
    c, s = abs(math.cos(angle)), abs(math.sin(angle))
    width = figure.half[0] * c + figure.half[1] * s
    height = figure.half[0] * s + figure.half[1] * c
    unit = 0.5 * float(rng.uniform(0.5, 0.66)) / max(width, height)
    reach = (width * unit, height * unit)
    x, y = (_within(r * (1 - 2 * _OVERHANG), rng) for r in reach)
    mirrored = bool(rng.random() < 0.5) and figure.mirrored
    return Frame(x, y, unit, angle, mirrored, reach)


def _within(reach: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(reach, 1 - reach))


def _illuminate(image: np.ndarray, light: Light, rng: np.random.Generator) -> None:
    """Brighten the side towards the light, and add a little noise; in place."""
    size = image.shape[1]
    axis = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    level, fall = rng.uniform(0.85, 1.1), rng.uniform(0.0, 0.3)
    dx, dy = (np.float32(d) for d in rng.uniform(0, 2, 2))
    grain = sample("grain", size, axis[None, :] + dx, axis[:, None] + dy)
    ramp = (axis * (fall * light.x))[None, :] + (axis * (fall * light.y) + level)[:, None]
    image *= ramp + np.float32(0.04) * grain
