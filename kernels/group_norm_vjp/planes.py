"""Gradient of group normalisation of channels-last planes, each group over all L positions.

    gx = s (gy - mean(gy) - z mean(gy z)),    z = (x - mean) s,  s = 1 / sqrt(variance + eps)

gy is the gradient of z: that of y times the weight. The sums of gy and of gy (x - mean), by channel
of each piece of positions in float64, are added to those of the groups; a second pass writes gx.
20 bytes and 11 operations per element in float32: limited by memory. The pieces are those of
`group_norm`: they depend on the geometry alone.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.registry import kernel
from kernels.cpu.moments import column_products
from kernels.group_norm.planes import positions, work
from kernels.group_norm.rows import Saved
from kernels.group_norm_vjp.rows import roundings


@kernel("group_norm_vjp", name="planes", accuracy=Accuracy(bound=roundings), cost=Cost(work))
def vjp(gy: np.ndarray, x: np.ndarray, saved: Saved, g: GroupNormGeometry) -> np.ndarray:
    """gy, x (N,L,C), saved: mean and 1 / sqrt(variance + eps), each (N,groups) float64, as
    `group_norm` returns them -> gx (N,L,C)."""
    gx = memory.empty_like(x)
    if x.size:
        each, rows = positions(g), (g.N * g.L, g.C)  # (N,L,C) -> (NL,C), the same memory
        sums, products = np.empty((2, g.N * -(-g.L // each), g.C))
        means, scales = (np.repeat(array, g.C // g.groups, axis=1) for array in saved)  # (N,C)
        _products(gy.reshape(rows), x.reshape(rows), means, sums, products, g.L, each)
        plain, along = _joined(sums, products, scales, g.groups, g.L, each)
        m, s, p, q = (array.astype(x.dtype) for array in (means, scales, plain, along))
        _write(gy.reshape(rows), x.reshape(rows), gx.reshape(rows), m, s, p, q, g.L, each)
    return gx


@numba.njit(parallel=True, cache=True)
def _products(gy, x, means, sums, products, L, each):  # type: ignore[no-untyped-def]
    """sums and products (pieces, C), of each channel of each piece."""
    pieces = -(-L // each)
    for piece in numba.prange(sums.shape[0]):
        n = piece // pieces
        first = n * L + piece % pieces * each
        end = min(first + each, (n + 1) * L)
        column_products(gy, x, first, end, means, n, sums, products, piece)


@numba.njit(cache=True)
def _joined(sums, products, scales, groups, L, each):  # type: ignore[no-untyped-def]
    """mean(gy) and mean(gy z) of each group, for each of its channels (N,C)."""
    (N, C), pieces = scales.shape, -(-L // each)
    plain, along, width = np.zeros((N, C)), np.zeros((N, C)), C // groups
    for n in range(N):
        for group in range(groups):
            p, q = 0.0, 0.0
            for piece in range(n * pieces, (n + 1) * pieces):
                for c in range(group * width, (group + 1) * width):
                    p += sums[piece, c]
                    q += products[piece, c]
            for c in range(group * width, (group + 1) * width):
                plain[n, c] = p / (L * width)
                along[n, c] = q / (L * width) * scales[n, c]
    return plain, along


@numba.njit(parallel=True, cache=True)
def _write(gy, x, gx, means, scales, plain, along, L, each):  # type: ignore[no-untyped-def]
    pieces = -(-L // each)
    for piece in numba.prange(means.shape[0] * pieces):
        n = piece // pieces
        first = n * L + piece % pieces * each
        end = min(first + each, (n + 1) * L)
        _write_rows(gy, x, gx, first, end, n, means, scales, plain, along)


@numba.njit(cache=True, fastmath={"contract"})
def _write_rows(gy, x, gx, first, end, n, means, scales, plain, along):  # type: ignore[no-untyped-def]  # fmt: skip
    for row in range(first, end):
        for c in range(x.shape[1]):
            s = scales[n, c]
            off = (gy[row, c] - plain[n, c]) - (x[row, c] - means[n, c]) * s * along[n, c]
            gx[row, c] = s * off
