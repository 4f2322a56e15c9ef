"""Means, squares and products of rows and of columns, in float64.

A row is in the first cache after its first loop, so that the mean and then the squares of x minus
the mean take two loops and one pass over memory, without the cancellation of sums of squares. The
loops vectorise with several chains of sums, whose order depends on the processor's vectors, not on
threads. Of planes (N,L,C) each piece of positions has its own moments by channel; `joined` adds
pieces and channels (Chan, Golub and LeVeque 1983):

    M2 = sum of M2[i] + count[i] (mean[i] - mean)^2
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def added(x, row):  # type: ignore[no-untyped-def]
    """The sum of a row of x."""
    total = 0.0
    for i in range(x.shape[1]):
        total += np.float64(x[row, i])
    return total


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def added_squares(x, row, mean):  # type: ignore[no-untyped-def]
    """The sum of (x - mean)^2 of a row."""
    total = 0.0
    for i in range(x.shape[1]):
        difference = np.float64(x[row, i]) - mean
        total += difference * difference
    return total


@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def added_products(gy, x, row, mean):  # type: ignore[no-untyped-def]
    """The sum of gy (x - mean) of a row."""
    total = 0.0
    for i in range(x.shape[1]):
        total += np.float64(gy[row, i]) * (np.float64(x[row, i]) - mean)
    return total


@numba.njit(cache=True, fastmath={"contract"})
def column_moments(x, first, end, means, squares, to):  # type: ignore[no-untyped-def]
    """means[to] of the columns of x from row first to row end, and squares[to], the sums of
    (x - means[to])^2. Four rows at a time, so that the sums are loaded and stored less often."""
    C, fours = x.shape[1], first + (end - first) // 4 * 4
    means[to], squares[to] = 0, 0
    for row in range(first, fours, 4):
        for c in range(C):
            pair = np.float64(x[row, c]) + np.float64(x[row + 1, c])
            means[to, c] += pair + (np.float64(x[row + 2, c]) + np.float64(x[row + 3, c]))
    for row in range(fours, end):
        for c in range(C):
            means[to, c] += np.float64(x[row, c])
    for c in range(C):
        means[to, c] /= end - first
    for row in range(first, fours, 4):
        for c in range(C):
            mean = means[to, c]
            d, e = np.float64(x[row, c]) - mean, np.float64(x[row + 1, c]) - mean
            f, h = np.float64(x[row + 2, c]) - mean, np.float64(x[row + 3, c]) - mean
            squares[to, c] += (d * d + e * e) + (f * f + h * h)
    for row in range(fours, end):
        for c in range(C):
            d = np.float64(x[row, c]) - means[to, c]
            squares[to, c] += d * d


@numba.njit(cache=True, fastmath={"contract"})
def column_products(gy, x, first, end, means, n, sums, products, to):  # type: ignore[no-untyped-def]  # fmt: skip
    """sums[to] of the columns of gy from row first to row end, and products[to] of
    gy (x - means[n]); two rows at a time."""
    C, twos = x.shape[1], first + (end - first) // 2 * 2
    sums[to], products[to] = 0, 0
    for row in range(first, twos, 2):
        for c in range(C):
            g, h, mean = np.float64(gy[row, c]), np.float64(gy[row + 1, c]), means[n, c]
            sums[to, c] += g + h
            d, e = np.float64(x[row, c]) - mean, np.float64(x[row + 1, c]) - mean
            products[to, c] += g * d + h * e
    for row in range(twos, end):
        for c in range(C):
            g = np.float64(gy[row, c])
            sums[to, c] += g
            products[to, c] += g * (np.float64(x[row, c]) - means[n, c])
