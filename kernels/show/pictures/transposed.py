"""Pictures of the transposed convolution: by the transposed matrix, and by the flipped kernel."""

from __future__ import annotations

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.conv2d_dgrad.flipped import flipped_geometry, spread_out
from kernels.show.matrices import conv_matrix, flipped_kernel, padded, tap_matrix
from kernels.show.pictures.cells import or_zero, tap_rows, values
from kernels.show.pictures.svg import (
    DEEP,
    IMAGE,
    KERNEL,
    OUTPUT,
    Frame,
    Grid,
    beside,
    document,
    grid,
    sign,
)
from kernels.show.tables import names


def transposed(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> str:
    """W^T gy = gx: the same matrix, transposed."""
    matrix, which = conv_matrix(w, g).T, tap_matrix(g).T
    gx = matrix @ gy.reshape(-1)  # (CHW,KPQ) x (KPQ,) -> (CHW,)
    cells = tap_rows(matrix, which, g.R * g.S)
    size, rows, across = 26, names(c=g.C, h=g.H, w=g.W), names(k=g.K, p=g.P, q=g.Q)
    piece = beside(
        grid(Grid("Wᵀ", cells, rows=rows, columns=across, size=size)),
        sign("×"),
        grid(Grid("gy", values(gy.reshape(-1, 1), OUTPUT), size=size)),  # -> (KPQ,1)
        sign("="),
        grid(Grid("gx", values(gx.reshape(-1, 1), IMAGE), size=size)),  # (CHW,) -> (CHW,1)
        sign("→"),
        grid(Grid("gx, as an image", values(gx.reshape(-1, g.W), IMAGE))),  # (CHW,) -> (CH,W)
    )
    return document(piece, "The transpose of the matrix times the gradient")


def flipped(gy: np.ndarray, w: np.ndarray, g: ConvGeometry, h: int, q: int) -> str:
    """The same by the flipped kernel over gy with zeros between and around; pixel (h, q) framed."""
    spread = padded(spread_out(gy, g), flipped_geometry(g).padding)[0, 0]
    gx = (conv_matrix(w, g).T @ gy.reshape(-1)).reshape(g.H, g.W)  # (HW,PQ) x (PQ,) -> (H,W)
    taps = flipped_kernel(w, g)[0, 0]
    numbered = np.arange(g.R * g.S, 0, -1).reshape(g.R, g.S)  # (RS,) -> (R,S)
    kernel = tap_rows(taps, numbered, g.R * g.S)
    window = Frame(h, q, *g.extent, DEEP[KERNEL])
    piece = beside(
        grid(Grid("gy", values(gy[0, 0], OUTPUT))),
        sign("→"),
        grid(Grid("gy, spread and padded", or_zero(spread, OUTPUT), frames=[window])),
        sign("*"),
        grid(Grid("w, rotated by 180°", kernel)),
        sign("="),
        grid(Grid("gx", values(gx, IMAGE), frames=[Frame(h, q, 1, 1, DEEP[IMAGE])])),
    )
    return document(piece, "The transposed convolution as a convolution with the flipped kernel")
