"""The three passes of Winograd's convolution over tiles of 1 to 6 outputs along each axis.

    1  V[point] (tiles,C) = B^T d B            2  M[point] = V[point] U[point]
    3  y tile             = A^T M A

A transform applies its matrix to the columns of a tile, then to its rows, for one vector of
channels after the other; the half-transformed tile stays in the first-level cache. V is written as
the packed tiles of A that the micro-kernel reads, (C'/16,MR,16) for MR rows, so nothing is packed
again. `tiling.py` gives the row of a tile at each point; `begins` (points,points) is the first row
of each point, a multiple of MR.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract.machine import MACHINE
from kernels.cpu.combine import combine
from kernels.ladder.packing import MC, RUN
from kernels.ladder.prefetch import LINE, SHARE, micro_kernel
from kernels.ladder.register_block import MR, NR
from kernels.winograd.toom_cook import at_points, input_matrix, output_matrix, transposed

MATRICES = range(1, 7)
"""Outputs of a tile along an axis."""
_bt = combine({m + 2: input_matrix(m + 2) for m in MATRICES})
_bt_scattered = combine({m + 2: input_matrix(m + 2) for m in MATRICES}, scatter=True)
_outputs = {m: transposed(at_points(transposed(output_matrix(m)), m + 2)) for m in MATRICES}
_at, _at_gathered = combine(_outputs), combine(_outputs, gather=True)
MOST = 8
LANES = MACHINE.width // 4
GROUP = 3
"""Panels of filters that a thread takes at a time; they are multiplied by the same rows of V."""


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
def transform_input(x, padding, rows, columns, begins, V, C):  # type: ignore[no-untyped-def]
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
    flat, half = pixels.reshape(-1), np.empty(MOST * MOST * LANES, V.dtype)  # flat view
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
def multiply(V, U, counts, begins, M):  # type: ignore[no-untyped-def]
    """Pass 2: M[point] (rows,K') = V[point] (rows,C') U[point] (C',K')."""
    points, _, panels, C, _ = U.shape
    K, flat_u = panels * NR, U.reshape(-1)  # flat view
    for part in numba.prange((panels + GROUP - 1) // GROUP * points * points):
        group, point = part // (points * points), part % (points * points)
        tiles = (counts.reshape(-1)[point] + MR - 1) // MR
        begin = begins.reshape(-1)[point]
        for panel in range(group * GROUP, min((group + 1) * GROUP, panels)):
            here = (point * panels + panel) * C * NR
            for tile in range(tiles):
                first = begin + tile * MR
                distance = C * NR + tile * SHARE * LINE if tile < MC // MR else 0
                to = first * K + panel * NR
                micro_kernel(V, first * C, flat_u, here, M, to, K, C // RUN, False, distance)


@numba.njit(parallel=True, cache=True)
def transform_output(M, K, rows, columns, begins, y):  # type: ignore[no-untyped-def]
    """Pass 3: y (N,P,Q,K) = A^T M A of all tiles."""
    for image in numba.prange(len(y)):
        for a in range(len(rows.sizes)):
            for b in range(len(columns.sizes)):
                _output_tile(M, K, rows, columns, begins, image, a, b, y)


@numba.njit(cache=True)
def _output_tile(M, K, rows, columns, begins, image, a, b, y):  # type: ignore[no-untyped-def]
    """A^T M A of one tile; outputs beyond the plane and the filters are dropped."""
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
