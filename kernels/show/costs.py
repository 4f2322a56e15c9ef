"""Operations and bytes of each algorithm that the guide explains, counted from the geometry.

Bytes are those of the arguments and the result, each moved once, and of every intermediate array,
moved twice (written, then read). The effect of caches is not included; the benchmark measures it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.conv2d.winograd import AT, BT, G
from kernels.conv2d_dgrad.flipped import flipped_geometry


@dataclass(frozen=True)
class Work:
    """Work of one call: multiplications; operations, additions included; bytes moved."""

    algorithm: str
    multiplications: int
    operations: int
    moved: int


def conv2d_work(g: ConvGeometry, itemsize: int = 4) -> list[Work]:
    """Work of loops, im2col, and of winograd where it serves (3x3, stride and dilation 1)."""
    least, unfolded = _least(g) * itemsize, _columns(g) * itemsize
    found = [
        Work("loops", g.macs, 2 * g.macs, least),
        Work("im2col", g.macs, 2 * g.macs, least + 2 * unfolded),
    ]
    if (g.R, g.S, *g.stride, *g.dilation) == (3, 3, 1, 1, 1, 1):
        found.append(_winograd(g, itemsize))
    return found


def conv2d_dgrad_work(g: ConvGeometry, itemsize: int = 4) -> list[Work]:
    """Work of col2im and of flipped, which also multiplies the zeros between the pixels."""
    least, f = _least(g) * itemsize, flipped_geometry(g)
    folded = 2 * _columns(g) * itemsize
    spread = 2 * prod(f.x_shape) * itemsize if g.stride != (1, 1) else 0
    unfolded = 2 * _columns(f) * itemsize
    return [
        Work("col2im", g.macs, 2 * g.macs, least + folded),
        Work("flipped", f.macs, 2 * f.macs, least + spread + unfolded),
    ]


def _least(g: ConvGeometry) -> int:
    """Numbers of x, w and y."""
    return prod(g.x_shape) + prod(g.w_shape) + prod(g.y_shape)


def _columns(g: ConvGeometry) -> int:
    return g.N * g.P * g.Q * g.R * g.S * g.C


def _winograd(g: ConvGeometry, itemsize: int) -> Work:
    """16 products for each tile, channel and filter; the transforms only add."""
    tiles = g.N * -(-g.P // 2) * -(-g.Q // 2)
    inputs, filters, outputs = tiles * g.C, prod(g.w_shape[:2]), tiles * g.K
    products = 16 * tiles * prod(g.w_shape[:2])
    added = sum(
        planes * additions(matrix) for planes, matrix in ((inputs, BT), (filters, G), (outputs, AT))
    )
    transformed = 16 * (inputs + filters + outputs)
    moved = (_least(g) + 2 * transformed) * itemsize
    return Work("winograd", products, 2 * products + added, moved)


def additions(matrix: np.ndarray) -> int:
    """Additions of matrix a matrix^T: a row's terms minus one, for all columns, then all rows."""
    rows, columns = matrix.shape
    in_a_row = int((np.count_nonzero(matrix, axis=1) - 1).sum())
    return in_a_row * (columns + rows)
