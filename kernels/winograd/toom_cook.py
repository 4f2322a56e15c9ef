"""Toom-Cook matrices of Winograd's convolutions, exact, from the points they evaluate at.

m outputs of a filter with r taps along one axis need n = m + r - 1 products instead of m r:

    y = A^T ((G g) o (B^T d)),   d (n,), g (r,), y (m,)

Filter and window are polynomials, evaluated at n - 1 numbers and at infinity; the products are the
values of their product there, and A^T interpolates the outputs (Toom 1963, Cook 1966; Winograd,
"Arithmetic Complexity of Computations", 1980; Lavin, Gray, "Fast Algorithms for Convolutional
Neural Networks", 2016, arXiv 1509.09308). In two dimensions every matrix is applied to columns and
rows.

The points are nested: n products use the first n - 1 of POINTS and infinity. Row p of G does not
depend on n, since its scale is moved to B. So tiles of different sizes share one transformed
filter, and a plane is covered exactly, by large tiles and a few small ones.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import prod

import numpy as np

POINTS = tuple(Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))
"""Opposite points stand side by side: their rows share their sums (`combine.py`). With the halves
beside the twos six outputs of three taps are only about twice as wrong as four."""
MOST = len(POINTS) + 1
"""The most products along an axis: every point, and infinity, which stands last."""
MOST_TAPS = 5
"""Of a filter, or of one of its phases."""

Matrix = tuple[tuple[Fraction, ...], ...]


def _scale(p: Fraction, points: tuple[Fraction, ...]) -> Fraction:
    return prod((p - q for q in points if q != p), start=Fraction(1))


def filter_matrix(r: int) -> Matrix:
    """G (MOST, r): a filter's values at every point and at infinity, which is its last tap."""
    finite = [tuple(p**j / _scale(p, POINTS) for j in range(r)) for p in POINTS]
    return (*finite, tuple(Fraction(j == r - 1) for j in range(r)))


def input_matrix(n: int) -> Matrix:
    """B^T (n, n): n pixels to their values at the first n - 1 points and at infinity."""
    points = POINTS[: n - 1]
    rows = []
    for p in points:
        others = _coefficients([q for q in points if q != p])
        factor = _scale(p, POINTS) / _scale(p, points)
        rows.append(tuple(factor * c for c in (*others, Fraction(0))))
    return (*rows, tuple(_coefficients(points)))


def output_matrix(m: int) -> Matrix:
    """A^T (m, MOST): products, 0 at points that are not used, to m outputs."""
    return tuple((*(p**i for p in POINTS), Fraction(i == m - 1)) for i in range(m))


def transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def at_points(matrix: Matrix, n: int) -> Matrix:
    """Of a matrix with a row for every point, those of n products: (n, ...)."""
    return tuple(matrix[place(i, n)] for i in range(n))


def sized(size: int, n: int) -> int:
    """The number of the matrix for `size` outputs or taps and n products."""
    return size * (MOST + 1) + n


def input_family() -> dict[int, Matrix]:
    """B^T by n."""
    return {n: input_matrix(n) for n in range(1, MOST + 1)}


def output_family() -> dict[int, Matrix]:
    """A^T (m, n) by `sized(m, n)`, for any tile of m outputs."""
    sizes = [(m, m + r - 1) for m in range(1, MOST) for r in range(2, MOST_TAPS + 1)]
    return {
        sized(m, n): transposed(at_points(transposed(output_matrix(m)), n))
        for m, n in sizes
        if n <= MOST
    }


def filter_family() -> dict[int, Matrix]:
    """G (n, r) by `sized(r, n)`, for any phase of r taps."""
    return {
        sized(r, n): at_points(filter_matrix(r), n)
        for r in range(1, MOST_TAPS + 1)
        for n in range(r, MOST + 1)
    }


def transposed_family(family: dict[int, Matrix]) -> dict[int, Matrix]:
    """Each matrix transposed."""
    return {number: transposed(matrix) for number, matrix in family.items()}


def _coefficients(roots: tuple[Fraction, ...] | list[Fraction]) -> list[Fraction]:
    """Of the product of (x - root), the constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [
            s - root * c for s, c in zip(shifted, [*coefficients, Fraction(0)], strict=True)
        ]
    return coefficients


def place(i: int, n: int) -> int:
    """Where product i of n stands among MOST: infinity, the last, at the end."""
    return i if i < n - 1 else MOST - 1


@lru_cache
def growth(m: int, r: int) -> float:
    """The largest factor of a value on the way to the outputs: along one axis.

    max of `amplification`, the row sums of |B^T| (transformed pixels), and the largest |A^T|
    (transformed gradients; |G| is at most 1).
    """
    n = m + r - 1
    pixels = np.abs(np.array(input_matrix(n), float)).sum(axis=1).max()
    taken = np.abs(np.array(output_matrix(m), float)).max()
    return float(max(amplification(m, r), pixels, taken))


@lru_cache
def amplification(m: int, r: int) -> float:
    """max over outputs of sum over products of |A^T| (largest |G|) (sum |B^T|): along one axis.

    The sum of the absolute terms of an output is at most this times max |d| times sum |w|.
    """
    n = m + r - 1
    at = [place(i, n) for i in range(n)]
    a, g = (np.abs(np.array(x, float)) for x in (output_matrix(m), filter_matrix(r)))
    b = np.abs(np.array(input_matrix(n), float)).sum(axis=1)
    return float((a[:, at] * g[at].max(axis=1) * b).sum(axis=1).max())
