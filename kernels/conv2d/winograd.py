"""Winograd's convolution F(2x2, 3x3) in NumPy: 16 multiplications for 36 of the definition.

    y = A^T [ (G w G^T) . (B^T d B) ] A        for each 4x4 tile d of x: 2x2 pixels of y

(Lavin, Gray: "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv 1509.09308, section
4.1.) Tiles overlap by two pixels. The products `.` are element by element and summed over channels,
so each of the 16 elements is a matrix product: tiles x channels times channels x filters.
2 N K C 16 ceil(P/2) ceil(Q/2) operations, 1 / 2.25 of the definition's; the transforms add little,
but move 4 times the memory of x and of y, several times over, which limits it. This kernel is
written for reading, with NumPy on one thread: below some 500 channels its transforms cost what the
products save.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kernels.contract import memory
from kernels.contract.costs import Work
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import Box, ConvGeometry
from kernels.contract.operations import Operations
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.gemm import gemm

# The tile d, the filter w and the products m are each multiplied from both sides: M a M^T.
BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64)
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float64)
AT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64)


def transform_input(tiles: np.ndarray) -> np.ndarray:
    """B^T d B: tiles of x (4,4,...) -> (4,4,...), of the same type."""
    return _both_sides(BT, tiles)


def transform_filter(w: np.ndarray) -> np.ndarray:
    """G w G^T: filters (3,3,...) -> (4,4,...), of the same type."""
    return _both_sides(G, w)


def transform_output(m: np.ndarray) -> np.ndarray:
    """A^T m A: summed products (4,4,...) -> pixels of y (2,2,...), of the same type."""
    return _both_sides(AT, m)


def _both_sides(matrix: np.ndarray, a: np.ndarray) -> np.ndarray:
    """matrix a matrix^T over the first two axes of `a`, for every index of the others."""
    matrix = matrix.astype(a.dtype)
    a = np.ascontiguousarray(a)  # then einsum's inner loop is over all other axes at once
    (i, j), others = matrix.shape, a.shape[2:]
    left = memory.empty((i, j, *others), a.dtype)
    np.einsum("ia,ab...->ib...", matrix, a, out=left)
    both = memory.empty((i, i, *others), a.dtype)
    return np.einsum("jb,ib...->ij...", matrix, left, out=both)


def supports(problem: Problem) -> bool:
    """3x3 filters, stride 1, dilation 1; any padding, any groups."""
    g = problem.geometry
    return (g.R, g.S, *g.stride, *g.dilation) == (3, 3, 1, 1, 1, 1)


def work(problem: Problem) -> Work:
    """16 products per tile of 2x2; the transforms run on one thread."""
    g = problem.geometry
    tiles = g.N * (-(-g.P // 2)) * (-(-g.Q // 2))
    pairs = g.K * g.C // g.groups
    return Work(16 * tiles * pairs, 16 * tiles * g.C, 16 * tiles * g.K, 16 * pairs, g.groups)


def operations(g: ConvGeometry) -> Operations:
    """16 products per tile; the transforms multiply by the zeros of the matrices too."""
    tiles, pairs = g.N * (-(-g.P // 2)) * (-(-g.Q // 2)), g.K * g.C // g.groups
    inputs, filters, outputs = (2 * m.size * (m.shape[1] + m.shape[0]) for m in (BT, G, AT))
    return Operations(32 * tiles * pairs, tiles * (g.C * inputs + g.K * outputs), pairs * filters)


def amplified_roundings(g: ConvGeometry) -> float:
    """The norm-wise bound, from the three matrices and a count of roundings; eps is 2 u.

        |error of y[n,k,p,q]| <= amplification roundings eps
            (sum over c of max|x[n,c]| sum over r,s of |w[k,c,r,s]| + |bias[k]|)

    with all nine taps at the border too: a tap that meets only padding is still added to its tile's
    sums and subtracted again, and its rounding errors remain.

    Roundings of any one term on its way into y: an addition per side in B^T d B; two per side in
    G w G^T and in A^T m A; C/groups in the matrix product; the bias. Products with 0, 1 and 1/2
    are exact. So the error is at most n u / (1 - n u) <= n eps times the sum of all absolute terms:
    over each tile and channel at most |B^T| |d| |B| <= (2 max|x|) 2, and each |w[r,s]| is taken
    (|A^T| |G|)[p,r] (|A^T| |G|)[q,s] <= 2 2 times (Higham, "Accuracy and Stability of Numerical
    Algorithms", sections 3.1 and 3.5).

    It holds as long as nothing overflows (the terms sum to 16 times the parenthesis, `growth`) and
    no 3x3 filter w[k,c] is subnormal throughout (half of a subnormal is rounded); n u <= 1/2. A
    product that underflows adds less than the smallest normal number, as in every kernel.
    """
    additions = 1 + 1 + 2 + 2 + 2 + 2
    return growth(g) * (additions + g.C // g.groups + 1)


def growth(g: ConvGeometry) -> float:
    """The amplification: 16. Transformed pixels, at most 4 times the largest, are below it."""
    along = np.abs(BT).sum(axis=1).max() * (np.abs(AT) @ np.abs(G)).max()
    return float(along**2)


@kernel(
    "conv2d",
    name="winograd",
    accuracy=Accuracy(
        exact=False, bound=amplified_roundings, norm_wise=True, spreads="plane", growth=growth
    ),
    cost=Cost(work, "conv2d winograd", operations=operations),
    abilities=Abilities(supports=supports),
)
def forward(
    x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: np.ndarray | None = None
) -> np.ndarray:
    """x (N,C,H,W), w (K,C/groups,3,3), bias (K,) -> y (N,K,P,Q); accumulates in their type.

    Every element of a tile is multiplied into every output of it, if only by 0, so NaN and infinity
    become NaN: those of x in all 2x2 pixels of each tile that reads them, at most a pixel further
    than in the definition; those of w in their filter's whole plane, even where the tap meets only
    padding.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    y[...] = 0 if bias is None else bias[:, None, None]
    if y.size and w.size:
        filters = transform_filter(grouped_filters(w, g))
        for image, pixels in zip(memory.nhwc(x), memory.nhwc(y), strict=True):
            products = multiply(transform_input(tiles_of(image, g)), filters)
            pixels += join(transform_output(products))[: g.P, : g.Q]
    return y


def grouped_filters(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """w (K,C/groups,3,3) as (3,3,G,K/G,C/G)."""
    taps_first = memory.nhwc(w).transpose(1, 2, 0, 3)  # (K,R,S,C/G) -> (R,S,K,C/G)
    # (R,S,K,C/G) -> (3,3,G,K/G,C/G)
    return taps_first.reshape(3, 3, g.groups, g.K // g.groups, g.C // g.groups)


def tiles_of(image: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """Every 4x4 tile of an image (H,W,C), two pixels apart: (4,4,ceil(P/2),ceil(Q/2),C).

    If P or Q is odd the last tiles end one pixel after the padding; that pixel is 0.
    """
    rows, columns = -(-g.P // 2), -(-g.Q // 2)
    padded = memory.empty((2 * rows + 2, 2 * columns + 2, g.C), image.dtype)
    padded[...] = 0
    seen = g.input_box(Box(0, g.P, 0, g.Q))
    inside = seen.clip(g.H, g.W)
    rows_inside = slice(inside.top - seen.top, inside.bottom - seen.top)
    columns_inside = slice(inside.left - seen.left, inside.right - seen.left)
    padded[rows_inside, columns_inside] = image[
        inside.top : inside.bottom, inside.left : inside.right
    ]
    windows = sliding_window_view(padded, (4, 4), axis=(0, 1))[::2, ::2]
    return windows.transpose(3, 4, 0, 1, 2)  # (TP,TQ,C,4,4) -> (4,4,TP,TQ,C)


def multiply(tiles: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """(4,4,TP,TQ,C) x (4,4,G,K/G,C/G) -> (4,4,G,TP,TQ,K/G), summed over the group's channels."""
    _, _, rows, columns, _ = tiles.shape
    _, _, groups, filters_each, channels = filters.shape
    # (4,4,TP,TQ,C) -> (4,4,T,G,C/G), T = TP TQ
    by_group = tiles.reshape(4, 4, rows * columns, groups, channels)
    products = memory.empty((4, 4, groups, rows * columns, filters_each), tiles.dtype)
    for i, j, group in np.ndindex(4, 4, groups):
        # (T,C/G) x (C/G,K/G) -> (T,K/G)
        gemm(by_group[i, j, :, group], filters[i, j, group].T, out=products[i, j, group])
    # (4,4,G,T,K/G) -> (4,4,G,TP,TQ,K/G)
    return products.reshape(4, 4, groups, rows, columns, filters_each)


def join(tiles: np.ndarray) -> np.ndarray:
    """Tiles of y (2,2,G,TP,TQ,K/G) -> the plane (2 TP,2 TQ,K)."""
    _, _, groups, rows, columns, filters = tiles.shape
    placed = tiles.transpose(3, 0, 4, 1, 2, 5)  # (2,2,G,TP,TQ,K/G) -> (TP,2,TQ,2,G,K/G)
    # (TP,2,TQ,2,G,K/G) -> (2 TP,2 TQ,K)
    return placed.reshape(2 * rows, 2 * columns, groups * filters)
