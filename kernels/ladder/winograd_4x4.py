"""Winograd's convolution F(4x4, 3x3): 36 products where the definition has 144.

    y tile (4,4) = A^T [sum over c of (G w G^T) o (B^T d B)] A,     d a tile of x (6,6)

The larger the tile, the fewer products an output needs: F(m x m, 3x3) has (m + 2)^2 for m^2
outputs, so 4 for each with m = 2, 2.25 with m = 4, against 9 of the definition (Lavin, Gray: "Fast
Algorithms for Convolutional Neural Networks", 2016). The price is accuracy. Evaluating at 2 and
-2 needs powers of 2, so the transforms' terms are larger than the result and cancel: the bound of
the error grows by the amplification, max over outputs of the sum of |A^T| |G| |B^T|.

The passes are those of the step before; only the tiles are larger, with six points instead of four.

Operations: 2 N K C 36 ceil(P/4) ceil(Q/4) in pass 2. Limited by: the border. 13 rows need 4 tiles,
that is 16 rows, so a third of all products are for outputs beyond the border.

Run it alone: python -m kernels.ladder winograd_4x4
"""

from __future__ import annotations

import numpy as np

from kernels.ladder.step import Filters, Step
from kernels.ladder.tiling import Tiling, filters_at_points, supports
from kernels.ladder.winograd_2x2 import passes

REMOVES = "7 of 16 products of F(2x2,3x3)"


def tiling(P: int, Q: int) -> Tiling:
    return Tiling.uniform(P, Q, 4)


def prepare(w: np.ndarray) -> Filters:
    """w (K,C,3,3) -> U (6,6,K'/NR,C',NR)."""
    return filters_at_points(w, 6)


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), U (6,6,K'/NR,C',NR) -> y (N,K,P,Q)."""
    _, _, H, W = x.shape
    return passes(x, filters, padding, tiling(H + 2 * padding - 2, W + 2 * padding - 2))


STEP = Step(
    "Winograd F(4x4,3x3)",
    REMOVES,
    prepare,
    run,
    operations=lambda g: tiling(g.P, g.Q).operations(g),
    roundings=lambda g: tiling(g.P, g.Q).roundings(g),
    norm_wise=True,
    supports=supports,
)
