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

U = G w G^T is made once for a network. Threads share out images in passes 1 and 3, and points and
panels of filters in pass 2.

Operations: 2 N K C 16 ceil(P/2) ceil(Q/2) in pass 2. V and M take 4 times the memory of x and y,
written and read once. Limited by: the products still, of which an odd plane has some for nothing:
13 rows take 7 tiles, that is 14 rows.

Run it alone: python -m kernels.ladder winograd_2x2
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.contract.machine import MACHINE
from kernels.cpu.combine import combine
from kernels.ladder.packing import MC, RUN
from kernels.ladder.prefetch import LINE, SHARE, micro_kernel
from kernels.ladder.register_block import MR, NR
from kernels.ladder.step import Filters, Step
from kernels.ladder.tiling import Tiling, filters_at_points, supports
from kernels.winograd.toom_cook import at_points, input_matrix, output_matrix, transposed

REMOVES = "5 of 9 products, for a few additions"

MATRICES = range(1, 7)
"""Outputs of a tile along an axis; this step takes 2, the next ones others."""
_bt = combine({m + 2: input_matrix(m + 2) for m in MATRICES})
_bt_scattered = combine({m + 2: input_matrix(m + 2) for m in MATRICES}, scatter=True)
_outputs = {m: transposed(at_points(transposed(output_matrix(m)), m + 2)) for m in MATRICES}
_at, _at_gathered = combine(_outputs), combine(_outputs, gather=True)
MOST = 8
LANES = MACHINE.width // 4
GROUP = 3
"""Panels of filters that a thread takes at a time: they meet the same rows of V."""


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
    """The three passes, for tiles of any sizes."""
    N, _, H, W = x.shape
    points, _, panels, C, _ = filters.values.shape
    counts = N * np.outer(tiles.rows.counts, tiles.columns.counts)
    filled = -(-counts // MR) * MR
    begins = (np.cumsum(filled) - filled.ravel()).reshape(points, points)
    V = memory.empty((filled.sum() * C,), x.dtype)
    M = memory.empty((filled.sum() * panels * NR,), x.dtype)
    y = memory.empty((N, filters.K, H + 2 * padding - 2, W + 2 * padding - 2), x.dtype, "NHWC")
    with threads.region():
        image = np.ascontiguousarray(memory.nhwc(x))
        _transform_input(image, padding, tiles.rows, tiles.columns, begins, V, C)
        _multiply(V, filters.values, counts, begins, M)
        _transform_output(M, panels * NR, tiles.rows, tiles.columns, begins, memory.nhwc(y))
    return y


@numba.njit(cache=True)
def _locate(rows, columns, begins, image, a, b, places):  # type: ignore[no-untyped-def]
    """places (n1,n2): the rows of V and M that belong to tile (a,b) of an image."""
    n1, n2, last = rows.sizes[a] + 2, columns.sizes[b] + 2, len(begins) - 1
    for i in range(n1):
        p = i if i < n1 - 1 else last
        for j in range(n2):
            q = j if j < n2 - 1 else last
            band = image * rows.counts[p] + rows.ranks[a, p]
            places[i, j] = begins[p, q] + band * columns.counts[q] + columns.ranks[b, q]


@numba.njit(parallel=True, cache=True)
def _transform_input(x, padding, rows, columns, begins, V, C):  # type: ignore[no-untyped-def]
    """Pass 1: V = B^T d B of all tiles of x (N,H,W,C), in packed tiles (C'/16,MR,16) of MR rows."""
    N, H, W, channels = x.shape
    height, width = rows.starts[-1] + rows.sizes[-1] + 2, columns.starts[-1] + columns.sizes[-1] + 2
    for image in numba.prange(N):
        pixels = np.zeros((height, width, C), x.dtype)
        for h in range(min(H, height - padding)):
            for w in range(min(W, width - padding)):
                for c in range(channels):
                    pixels[h + padding, w + padding, c] = x[image, h, w, c]
        for a in range(len(rows.sizes)):
            for b in range(len(columns.sizes)):
                _input_tile(pixels, rows, columns, begins, image, a, b, V)


@numba.njit(cache=True)
def _input_tile(pixels, rows, columns, begins, image, a, b, V):  # type: ignore[no-untyped-def]
    """B^T d B of one tile, a vector of channels after the other."""
    _, W, C = pixels.shape
    n1, n2 = rows.sizes[a] + 2, columns.sizes[b] + 2
    flat, half = pixels.reshape(-1), np.empty(MOST * MOST * LANES, V.dtype)
    places = np.empty((MOST, MOST), np.int64)
    _locate(rows, columns, begins, image, a, b, places)
    for i in range(n1):
        for j in range(n2):
            row = places[i, j]
            places[i, j] = row // MR * MR * C + row % MR * RUN
    first = (rows.starts[a] * W + columns.starts[b]) * C
    for c in range(0, C, LANES):
        for j in range(n2):  # (n1,n1) x (n1,n2) -> half (n1,n2)
            _bt(n1, flat, first + j * C + c, W * C, half, j * LANES, n2 * LANES)
        to = c // RUN * MR * RUN + c % RUN
        for i in range(n1):  # (n1,n2) x (n2,n2)
            _bt_scattered(n2, half, i * n2 * LANES, LANES, V, to, places, i, False)


@numba.njit(parallel=True, cache=True)
def _multiply(V, U, counts, begins, M):  # type: ignore[no-untyped-def]
    """Pass 2: M[point] (rows,K') = V[point] (rows,C') U[point] (C',K')."""
    points, _, panels, C, _ = U.shape
    K, flat_u = panels * NR, U.reshape(-1)
    for part in numba.prange((panels + GROUP - 1) // GROUP * points * points):
        group, point = part // (points * points), part % (points * points)
        tiles = (counts.reshape(-1)[point] + MR - 1) // MR
        begin = begins.reshape(-1)[point]
        for panel in range(group * GROUP, min((group + 1) * GROUP, panels)):
            here = (point * panels + panel) * C * NR
            for tile in range(tiles):
                first = begin + tile * MR
                ahead = C * NR + tile * SHARE * LINE if tile < MC // MR else 0
                micro_kernel(
                    V, first * C, flat_u, here, M, first * K + panel * NR, K, C // RUN, False, ahead
                )


@numba.njit(parallel=True, cache=True)
def _transform_output(M, K, rows, columns, begins, y):  # type: ignore[no-untyped-def]
    """Pass 3: y (N,P,Q,K) = A^T M A of all tiles."""
    for image in numba.prange(len(y)):
        for a in range(len(rows.sizes)):
            for b in range(len(columns.sizes)):
                _output_tile(M, K, rows, columns, begins, image, a, b, y)


@numba.njit(cache=True)
def _output_tile(M, K, rows, columns, begins, image, a, b, y):  # type: ignore[no-untyped-def]
    """A^T M A of one tile; what lies beyond the plane and its filters is dropped."""
    _, P, Q, filters = y.shape
    m1, m2 = rows.sizes[a], columns.sizes[b]
    half, tile = np.empty(MOST * MOST * LANES, M.dtype), np.empty((m1, m2, K), M.dtype)
    places = np.empty((MOST, MOST), np.int64)
    _locate(rows, columns, begins, image, a, b, places)
    places *= K
    for k in range(0, K, LANES):
        for i in range(m1 + 2):  # (n1,n2) x (n2,m2) -> half (n1,m2)
            _at_gathered(m2, M, k, places, half, i * m2 * LANES, LANES, i)
        for j in range(m2):  # (m1,n1) x (n1,m2)
            _at(m1, half, j * LANES, m2 * LANES, tile.reshape(-1), j * K + k, m2 * K)
    for p in range(min(m1, P - rows.starts[a])):
        for q in range(min(m2, Q - columns.starts[b])):
            for k in range(filters):
                y[image, rows.starts[a] + p, columns.starts[b] + q, k] = tile[p, q, k]


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
