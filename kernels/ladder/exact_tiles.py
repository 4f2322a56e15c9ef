"""Winograd's convolution with tiles of mixed sizes, which fit the plane exactly.

    13 rows = 5 + 4 + 4: (7 + 6 + 6)^2 = 361 products        4 tiles of 4: (4 x 6)^2 = 576

Tiles of different sizes can share one transformed filter if their points are nested: a tile of m
outputs uses the first m + 1 of the points 0, 1, -1, 2, -2, 1/2, -1/2, and infinity. Row p of G must
not depend on m, so factors that do are moved to B^T (`kernels/winograd/toom_cook.py`). A point that
only the larger tiles have is multiplied with fewer rows. An axis is covered by the fewest tiles of
up to 6 outputs, all of nearly equal size, since the smallest tiles need the fewest points. Then no
tile extends beyond the border.

The passes are those of F(2x2, 3x3); only the list of tiles is new.

Operations: 2 N K C (sum of m + 2 over the tiles of rows) (the same of columns) in pass 2. Limited
by: multiply-adds still, and the transforms, which write and read V and M.

Run it alone: python -m kernels.ladder exact_tiles
"""

from __future__ import annotations

import numpy as np

from kernels.ladder.step import Filters, Step
from kernels.ladder.tiling import Axis, Tiling, filters_at_points, supports
from kernels.ladder.winograd_2x2 import passes

REMOVES = "products beyond the border: 215 of 576"

LARGEST = 6
POINTS = LARGEST + 2


def sizes(count: int) -> list[int]:
    """The fewest tiles, all of nearly equal size: 13 -> 5, 4, 4."""
    tiles = -(-count // LARGEST)
    return [(count + tiles - 1 - i) // tiles for i in range(tiles)]


def tiling(P: int, Q: int) -> Tiling:
    return Tiling(Axis.of(sizes(P), POINTS), Axis.of(sizes(Q), POINTS))


def prepare(w: np.ndarray) -> Filters:
    """w (K,C,3,3) -> U (8,8,K'/NR,C',NR); smaller tiles leave some points unused."""
    return filters_at_points(w, POINTS)


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), U (8,8,K'/NR,C',NR) -> y (N,K,P,Q)."""
    _, _, H, W = x.shape
    return passes(x, filters, padding, tiling(H + 2 * padding - 2, W + 2 * padding - 2))


STEP = Step(
    "exact tiles",
    REMOVES,
    prepare,
    run,
    operations=lambda g: tiling(g.P, g.Q).operations(g),
    roundings=lambda g: tiling(g.P, g.Q).roundings(g),
    norm_wise=True,
    supports=supports,
)
