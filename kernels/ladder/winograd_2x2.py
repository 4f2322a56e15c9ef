"""Winograd's convolution F(2x2, 3x3): 16 products where the definition has 36.

    y tile (2,2) = A^T [sum over c of (G w G^T) o (B^T d B)] A,     d a tile of x (4,4)

Window and filter are polynomials. They are evaluated at n = 2 + 3 - 1 points along each axis (0, 1,
-1, infinity), the values are multiplied one by one, and A^T reads two outputs off the products:
4 products along an axis and not 6 (Winograd: "Arithmetic Complexity of Computations", 1980; Lavin,
Gray: "Fast Algorithms for Convolutional Neural Networks", 2016; `kernels/winograd/toom_cook.py`
makes the matrices). Products are summed over c at every point, so they are matrix products:

    1  V[point] (tiles,C) = B^T d B                 written in the order of packed tiles of A
    2  M[point] (tiles,K) = V[point] U[point]       the packed product of the steps before
    3  y tile             = A^T M A

U = G w G^T is computed once for a network. Threads distribute images in passes 1 and 3, and points
and panels of filters in pass 2. The loops of the passes are in `winograd_passes.py`.

Operations: 2 N K C 16 ceil(P/2) ceil(Q/2) in pass 2. V and M take 4 times the memory of x and y,
written and read once. Limited by: the products still. An odd plane wastes some of them: 13 rows
take 7 tiles, that is 14 rows.

Run it alone: python -m kernels.ladder winograd_2x2
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory, threads
from kernels.ladder.register_block import MR, NR
from kernels.ladder.step import Filters, Step
from kernels.ladder.tiling import Tiling, filters_at_points, supports
from kernels.ladder.winograd_passes import multiply, transform_input, transform_output

REMOVES = "5 of 9 products, for a few additions"


def tiling(P: int, Q: int) -> Tiling:
    return Tiling.uniform(P, Q, 2)


def prepare(w: np.ndarray) -> Filters:
    """w (K,C,3,3) -> U (4,4,K'/NR,C',NR)."""
    return filters_at_points(w, 4)


def run(x: np.ndarray, filters: Filters, padding: int) -> np.ndarray:
    """x (N,C,H,W), U (4,4,K'/NR,C',NR) -> y (N,K,P,Q)."""
    _, _, H, W = x.shape
    return passes(x, filters, padding, tiling(H + 2 * padding - 2, W + 2 * padding - 2))


def passes(x: np.ndarray, filters: Filters, padding: int, tiles: Tiling) -> np.ndarray:
    """The three passes, for tiles of any sizes; each point has its rows of V and of M."""
    N, _, H, W = x.shape
    points, _, panels, C, _ = filters.values.shape
    counts = N * np.outer(tiles.rows.counts, tiles.columns.counts)
    filled = -(-counts // MR) * MR
    # (points^2,) -> (points,points)
    begins = (np.cumsum(filled) - filled.ravel()).reshape(points, points)
    V = memory.empty((filled.sum() * C,), x.dtype)
    M = memory.empty((filled.sum() * panels * NR,), x.dtype)
    y = memory.empty((N, filters.K, H + 2 * padding - 2, W + 2 * padding - 2), x.dtype, "NHWC")
    with threads.region():
        image = np.ascontiguousarray(memory.nhwc(x))
        transform_input(image, padding, tiles.rows, tiles.columns, begins, V, C)
        multiply(V, filters.values, counts, begins, M)
        transform_output(M, panels * NR, tiles.rows, tiles.columns, begins, memory.nhwc(y))
    return y


STEP = Step(
    "Winograd F(2x2,3x3)",
    REMOVES,
    prepare,
    run,
    operations=lambda g: tiling(g.P, g.Q).operations(g),
    roundings=lambda g: tiling(g.P, g.Q).roundings(g),
    norm_wise=True,
    supports=supports,
)
