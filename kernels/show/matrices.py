"""Convolution, its transpose and pooling written as matrices.

    y = W x        x flattened to (C H W), y to (K P Q); W has each kernel value once per output
    y = X w        X the windows of x, one in each row (im2col); w flattened to (R S C)

Row (k p q) of W has w[k,c,r,s] at column (c h w), h = p stride - pad + r dilation (Dumoulin, Visin:
"A guide to convolution arithmetic for deep learning", arXiv 1603.07285, section 4.1). Built from
the geometry's taps one by one, in the type of the numbers given.
"""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.conv2d_dgrad.flipped import flip
from kernels.reference import taps

LARGEST = 1 << 24


def require_small(sides: tuple[int, ...], what: str) -> tuple[int, ...]:
    """`sides`, if an array of them has at most 2^24 numbers; else ValueError."""
    if prod(sides) > LARGEST:
        raise ValueError(
            f"{what} has {' x '.join(map(str, sides))} numbers, more than {LARGEST}; smaller "
            "images, or fewer of them, of their channels or of the filters, would fit"
        )
    return sides


def conv_matrix(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The convolution of one image: w (K,C/groups,R,S) -> W (K P Q, C H W).

    ValueError if W would have more than 2^24 numbers.
    """
    sides = require_small((g.K * g.P * g.Q, g.C * g.H * g.W), "the matrix of this convolution")
    matrix, dense = np.zeros((g.K, g.P, g.Q, g.C, g.H, g.W), w.dtype), _without_groups(w, g)
    for p, q in np.ndindex(g.P, g.Q):
        for (r, s), (h, column) in taps(g, p, q):
            matrix[:, p, q, :, h, column] = dense[:, :, r, s]
    return matrix.reshape(sides)  # (K,P,Q,C,H,W) -> (KPQ,CHW)


def _without_groups(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """(K,C/G,R,S) -> (K,C,R,S): zeros for channels of other groups."""
    dense = np.zeros((g.K, g.C, g.R, g.S), w.dtype)
    filters, channels = g.K // g.groups, g.C // g.groups
    for group in range(g.groups):
        mine = slice(group * filters, (group + 1) * filters)
        dense[mine, group * channels : (group + 1) * channels] = w[mine]
    return dense


def tap_matrix(g: ConvGeometry) -> np.ndarray:
    """(K P Q, C H W) int64: the number r S + s + 1 of each element's tap; 0 where there is none."""
    numbered = np.arange(1, g.R * g.S + 1).reshape(g.R, g.S)  # (RS,) -> (R,S)
    return conv_matrix(np.broadcast_to(numbered, g.w_shape), g)


def columns(x: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """im2col: x (N,C,H,W) -> (G, N P Q, R S C/G), one matrix per group; row (n p q) is one window.

    The order (r s c) is that of `kernels/cpu/unfold.py`, where channels are contiguous. ValueError
    as above.
    """
    sides = require_small((g.N, g.P, g.Q, g.R, g.S, g.C), "the array of all windows")
    windows = np.zeros(sides, x.dtype)
    for p, q in np.ndindex(g.P, g.Q):
        for (r, s), (h, column) in taps(g, p, q):
            windows[:, p, q, r, s] = x[:, :, h, column]
    channels = g.C // g.groups
    split = windows.reshape(g.N * g.P * g.Q, g.R * g.S, g.groups, channels)  # -> (NPQ,RS,G,C/G)
    return split.transpose(2, 0, 1, 3).reshape(  # (G,NPQ,RS,C/G) -> (G,NPQ,RSC/G)
        g.groups, g.N * g.P * g.Q, g.R * g.S * channels
    )


def filter_rows(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """w (K,C/G,R,S) -> (G,K/G,RSC/G), one row per filter: the factor of `columns`."""
    return w.transpose(0, 2, 3, 1).reshape(g.grouped_shape)  # (K,R,S,C/G) -> (G,K/G,RSC/G)


def padded(x: np.ndarray, padding: tuple[int, int, int, int]) -> np.ndarray:
    """x (N,C,H,W) with zeros around it; `padding` is (top, bottom, left, right), negative crops."""
    ends = padding[:2], padding[2:]
    # Pad before cropping: a crop of one side may extend into the padding of the other.
    around = np.pad(x, [(0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in ends)])
    rows, across = (
        slice(max(-before, 0), size - max(-after, 0))
        for size, (before, after) in zip(around.shape[2:], ends, strict=True)
    )
    return around[:, :, rows, across]


def flipped_kernel(w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """w (K,C/G,R,S) flipped in rows and columns, filters and channels swapped: (C,K/G,R,S).

    The rows that `conv2d_dgrad/flipped.py` multiplies by, as filters again.
    """
    flipped = flip(w, g).reshape(g.C, g.R, g.S, g.K // g.groups)  # (G,C/G,RSK/G) -> (C,R,S,K/G)
    return flipped.transpose(0, 3, 1, 2)  # (C,R,S,K/G) -> (C,K/G,R,S)


def switch_matrix(switches: np.ndarray, g: PoolGeometry) -> np.ndarray:
    """Max-pooling of one plane as a matrix: switches (P,Q) int -> (P Q, H W) of 0 and 1.

    Row (p q) has its 1 at the switch: y = S x pools, x = S^T y unpools. ValueError as above.
    """
    matrix = np.zeros(require_small((g.P * g.Q, g.H * g.W), "the matrix of this pooling"))
    matrix[np.arange(g.P * g.Q), switches.reshape(-1)] = 1  # (P,Q) -> (PQ,)
    return matrix
