"""im2col and its transpose col2im on CUDA: every window of an image as one row of a matrix.

    columns[group, (n p q), (r s c)] = x[n, c, p stride - pad + r dilation, q ...], outside x 0

col2im is written as a gather: each pixel sums its elements of the windows that contain it, p before
q. So no two threads write one address, and every run gives the same bits. Both move N P Q R S C
values, 2 x 4 bytes each; bound by memory. Callers process some rows (n p) or images at a time,
`memory.chunk()` bytes of columns, which are still in the L2 cache when the product reads them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry
from kernels.cuda.grids import blocks
from kernels.cuda.packs import instances, pack
from kernels.cuda.program import Entry, Program
from kernels.cuda.structs import conv_struct

IM2COL, COL2IM = (32, 8, 1), (256, 1, 1)
PROGRAM = Program(
    __file__,
    entries=dict.fromkeys(instances("im2col"), Entry(IM2COL))
    | dict.fromkeys(instances("col2im"), Entry(COL2IM)),
)


def rows_per_chunk(g: ConvGeometry, itemsize: int) -> int:
    """Rows (n p) of windows to unfold at a time; at least one."""
    a_row = g.Q * g.R * g.S * g.C * itemsize
    return max(1, min(g.N * g.P, memory.chunk() // max(a_row, 1)))


def images_per_chunk(g: ConvGeometry, itemsize: int) -> int:
    """Whole images to unfold at a time; at least one."""
    return max(1, min(g.N, memory.chunk() // max(g.P * g.Q * g.R * g.S * g.C * itemsize, 1)))


def unfold_rows(x: Any, g: ConvGeometry, first: int, rows: int) -> Any:
    """The windows of x (N,C,H,W) in `rows` rows (n p) from `first` on: (G, rows Q, R S C/G).

    x is channels-last on the device and not empty; float32 or float64.
    """
    windows = rows * g.Q
    shape = g.groups, windows, g.R * g.S * (g.C // g.groups)
    columns = memory.empty(shape, x.dtype, like=x)
    V, lanes = pack(g.C // g.groups, x, columns)
    grid = blocks(windows, IM2COL[1]), blocks(g.groups, 1), 1
    counts = np.int64(first * g.Q), np.int64(windows)
    arguments = memory.nhwc(x), columns, conv_struct(replace(g, C=g.C // lanes)), *counts
    PROGRAM.launch(f"im2col<{V}>", grid, IM2COL, *arguments)
    return columns


def fold_images(columns: Any, x: Any, g: ConvGeometry, first: int, images: int) -> None:
    """Overwrite `images` images of x (N,C,H,W) from `first` on with the sums of their windows.

    `columns` (G, images P Q, R S C/G) and x, channels-last, are on the device and not empty.
    """
    V, lanes = pack(g.C // g.groups, x, columns)
    grid = blocks(images * g.H, 1), blocks(g.W * g.C // lanes, COL2IM[0]), 1
    arguments = columns, memory.nhwc(x), conv_struct(replace(g, C=g.C // lanes))
    PROGRAM.launch(f"col2im<{V}>", grid, COL2IM, *arguments, np.int32(first), np.int32(images))
