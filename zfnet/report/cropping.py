"""Square windows of a projection that hold nearly all of its energy.

The projection of a deep layer covers a receptive field as large as the image, and most of it is
zero. The energy of a projection is the sum of its squared values; what lies outside the window
holds at most 1 - SHARE of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHARE = 0.99
"""Share of the energy that a window holds at least."""
LEAST = 16
"""Pixels of the smallest window, where the picture has as many."""


@dataclass(frozen=True)
class Window:
    """A square of `side` pixels in a picture of `height` x `width`, from (top, left).

    It reaches outside the picture where that is narrower than the window; it is centred then.
    """

    top: int
    left: int
    side: int
    height: int
    width: int

    @property
    def whole(self) -> bool:
        """Whether it shows all of the picture."""
        return self.side >= max(self.height, self.width)


def whole_window(height: int, width: int) -> Window:
    """The window that shows all of a picture of that size."""
    side = max(height, width)
    return _within(height / 2, width / 2, side, height, width)


def energy_window(projections: Sequence[np.ndarray], share: float = SHARE) -> Window:
    """The window with that share of the energy of each projection; all (3, h, w), of one size.

    Pictures of one unit by several rules have one window, so that they show the same place.
    Projections of zeros are shown whole.
    """
    h, w = projections[0].shape[1:]
    extents = [_extent(each, share) for each in projections if np.any(each)]
    if not extents:
        return whole_window(h, w)
    top, left = (min(extent[axis] for extent in extents) for axis in (0, 1))
    bottom, right = (max(extent[axis] for extent in extents) for axis in (2, 3))
    side = max(bottom - top, right - left, min(LEAST, max(h, w)))
    return _within((top + bottom) / 2, (left + right) / 2, side, h, w)


def _extent(projection: np.ndarray, share: float) -> tuple[int, int, int, int]:
    """Rows and columns (top, left, bottom, right) with at least that share of the energy.

    A quarter of the rest may lie beyond each of the four sides.
    """
    squares = np.square(projection, dtype=np.float64).sum(axis=0)  # (3,h,w) -> (h,w)
    rows, columns = squares.sum(axis=1), squares.sum(axis=0)
    (top, bottom), (left, right) = (_ends(sums, (1 - share) / 4) for sums in (rows, columns))
    return top, left, bottom, right


def _ends(sums: np.ndarray, beyond: float) -> tuple[int, int]:
    """The range outside of which lies at most that share of the sum, at either end."""
    before = np.cumsum(sums) / sums.sum()
    after = np.cumsum(sums[::-1]) / sums.sum()
    first = int(np.searchsorted(before, beyond, side="right"))
    last = int(np.searchsorted(after, beyond, side="right"))
    return min(first, len(sums) - 1), max(len(sums) - last, 1)


def _within(row: float, column: float, side: int, height: int, width: int) -> Window:
    """The window about (row, column), moved into the picture where it fits."""
    top, left = (
        round(centre - side / 2) if side <= length else (length - side) // 2
        for centre, length in ((row, height), (column, width))
    )
    if side <= height:
        top = min(max(top, 0), height - side)
    if side <= width:
        left = min(max(left, 0), width - side)
    return Window(top, left, side, height, width)
