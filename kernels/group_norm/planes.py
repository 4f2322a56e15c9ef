"""Group normalisation of channels-last planes: x (N,L,C), each group over all L positions.

    y = (x - mean) / sqrt(variance + eps) weight + bias                     (Wu and He 2018)

A piece of positions that fits the second cache is read once; its means and squares by channel,
vectors of channels in float64, take two loops (`kernels/cpu/moments.py`). The moments of pieces and
channels are joined to those of the groups, one after the other, and a second pass over memory
writes y. 12 bytes and 8 operations per element in float32: limited by memory. The pieces depend on
the geometry alone, so that any number of threads gives the same bits. The error is as in `rows`.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.moments import column_moments
from kernels.group_norm.rows import Saved, roundings, scales

PIECE = 16384
"""Elements of a piece, about: 64 KB in float32."""


def work(problem: Problem) -> float:
    """Nanoseconds on two cores."""
    g = problem.geometry
    return 8e3 + 0.8 * g.N * g.L * g.C


def positions(g: GroupNormGeometry) -> int:
    """Of a piece."""
    return max(1, min(g.L, PIECE // max(g.C, 1)))


@kernel("group_norm", name="planes", accuracy=Accuracy(bound=roundings), cost=Cost(work))
def forward(
    x: np.ndarray,
    g: GroupNormGeometry,
    *,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> tuple[np.ndarray, Saved]:
    """x (N,L,C), weight and bias (C,) -> y (N,L,C), and mean and 1 / sqrt(variance + eps), each
    (N,groups) float64."""
    y, mean, scale = memory.empty_like(x), np.empty(g.saved_shape), np.empty(g.saved_shape)
    if x.size:
        each, rows = positions(g), (g.N * g.L, g.C)  # (N,L,C) -> (NL,C), the same memory
        means, squares = np.empty((2, g.N * -(-g.L // each), g.C))
        _moments(x.reshape(rows), means, squares, g.L, each)
        _join(means, squares, mean, scale, g.L, each, g.eps)
        means, factors = (np.repeat(m, g.C // g.groups, 1).astype(x.dtype) for m in (mean, scale))
        scaled = scales(weight, bias, g.C, x.dtype)  # (N,groups) -> (N,C), and (C,)
        _write(x.reshape(rows), y.reshape(rows), means, factors, *scaled, g.L, each)
    return y, (mean, scale)


@numba.njit(parallel=True, cache=True)
def _moments(x, means, squares, L, each):  # type: ignore[no-untyped-def]
    """means and squares (pieces, C), of each channel of each piece."""
    pieces = -(-L // each)
    for piece in numba.prange(means.shape[0]):
        start = piece // pieces * L
        first = start + piece % pieces * each
        column_moments(x, first, min(first + each, start + L), means, squares, piece)


@numba.njit(cache=True, error_model="numpy")
def _join(means, squares, mean, scale, L, each, eps):  # type: ignore[no-untyped-def]
    """mean and scale (N, groups) of all pieces and of the channels of a group."""
    (N, groups), pieces = mean.shape, -(-L // each)
    width = means.shape[1] // groups
    for n in range(N):
        for group in range(groups):
            channels = range(group * width, (group + 1) * width)
            total, spread = 0.0, 0.0
            for piece in range(pieces):
                for c in channels:
                    total += min(each, L - piece * each) * means[n * pieces + piece, c]
            centre = total / (L * width)
            for piece in range(pieces):
                for c in channels:
                    off = means[n * pieces + piece, c] - centre
                    spread += min(each, L - piece * each) * off * off
                    spread += squares[n * pieces + piece, c]
            mean[n, group] = centre
            scale[n, group] = 1 / np.sqrt(spread / (L * width) + eps)


@numba.njit(parallel=True, cache=True)
def _write(x, y, means, factors, weight, bias, L, each):  # type: ignore[no-untyped-def]
    pieces = -(-L // each)
    for piece in numba.prange(means.shape[0] * pieces):
        n = piece // pieces
        first = n * L + piece % pieces * each
        end = min(first + each, (n + 1) * L)
        if weight.size:
            _write_scaled(x, y, first, end, means, factors, n, weight, bias)
        else:
            _write_rows(x, y, first, end, means, factors, n)


@numba.njit(cache=True)
def _write_rows(x, y, first, end, means, factors, n):  # type: ignore[no-untyped-def]
    for row in range(first, end):
        for c in range(x.shape[1]):
            y[row, c] = (x[row, c] - means[n, c]) * factors[n, c]


@numba.njit(cache=True)
def _write_scaled(x, y, first, end, means, factors, n, weight, bias):  # type: ignore[no-untyped-def]  # fmt: skip
    """Each product and sum rounded by itself: the bits of separate operations."""
    for row in range(first, end):
        for c in range(x.shape[1]):
            y[row, c] = (x[row, c] - means[n, c]) * factors[n, c] * weight[c] + bias[c]
