"""The classes of the embedded scenes: the function that draws each, its size and its tilt."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zfnet.data.drawing import creatures, things
from zfnet.data.drawing.shapes import Point
from zfnet.data.drawing.sketch import Sketch


@dataclass(frozen=True)
class Figure:
    """A class of objects.

    half: half width and half height of its upright shape, in units of its frame
    tilt: the largest rotation to either side, radians
    mirrored: whether it may be mirrored; not for figures with a left and a right part
    """

    name: str
    draw: Callable[[Sketch, np.ndarray], dict[str, Point]]
    half: Point
    tilt: float = 0.3
    mirrored: bool = False


FIGURES = (
    Figure("face", creatures.face, (0.88, 0.94)),
    Figure("car", things.car, (0.97, 0.66), mirrored=True),
    Figure("house", things.house, (0.9, 0.94)),
    Figure("tree", creatures.tree, (0.78, 0.96)),
    Figure("flower", creatures.flower, (0.7, 0.98)),
    Figure("fish", creatures.fish, (0.97, 0.6), mirrored=True),
    Figure("butterfly", creatures.butterfly, (0.95, 0.8)),
    Figure("cup", things.cup, (0.92, 0.76), mirrored=True),
    Figure("umbrella", things.umbrella, (0.92, 0.92), mirrored=True),
    Figure("clock", things.clock, (0.82, 0.95)),
    Figure("mushroom", creatures.mushroom, (0.93, 0.9)),
    Figure("key", things.key, (0.46, 0.96), mirrored=True),
)
