"""Pictures of a convolution: the sliding kernel, the matrix, im2col."""

from __future__ import annotations

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.reference import taps
from kernels.show.matrices import columns, conv_matrix, filter_rows, tap_matrix
from kernels.show.pictures.cells import colour_of_tap, tap_cells, tap_rows, values
from kernels.show.pictures.svg import (
    DEEP,
    IMAGE,
    KERNEL,
    OUTPUT,
    Cell,
    Frame,
    Grid,
    above,
    beside,
    document,
    grid,
    sign,
)
from kernels.show.tables import names


def sliding(x: np.ndarray, w: np.ndarray, g: ConvGeometry, p: int, q: int) -> str:
    """The kernel on the window of output (p, q), and the same as a row of the matrix.

    One image, one channel, one filter, no padding.
    """
    y = (conv_matrix(w, g) @ x.reshape(-1)).reshape(g.P, g.Q)  # (PQ,CHW) x (CHW,) -> (P,Q)
    top, left = p * g.stride[0], q * g.stride[1]
    window = Frame(top, left, *g.extent, DEEP[KERNEL])
    here = [Frame(p, q, 1, 1, DEEP[OUTPUT])]
    upper = beside(
        grid(Grid("x", _under_window(x[0, 0], g, p, q), frames=[window])),
        sign("*"),
        grid(Grid("w", tap_cells(w[0, 0]))),
        sign("="),
        grid(Grid("y", values(y, OUTPUT), frames=here)),
        gap=22,
    )
    at = p * g.Q + q
    row = tap_rows(conv_matrix(w, g)[at, None], tap_matrix(g)[at, None], g.R * g.S)
    pixels = [[Cell(IMAGE, f"{v:g}") for v in x.reshape(-1)]]  # -> (HW,)
    lower = above(
        grid(Grid(f"row p{p} q{q} of W", row, columns=names(h=g.H, w=g.W))),
        grid(Grid("x, flattened", pixels, note=f"their product is y[{p}, {q}] = {y[p, q]:g}")),
        gap=16,
    )
    title = f"The kernel on window {p}, {q} of the image, and that row of the matrix"
    return document(above(upper, lower), title)


def _under_window(x: np.ndarray, g: ConvGeometry, p: int, q: int) -> list[list[Cell]]:
    """x (H,W), its pixels under the window's taps in the colour of the tap."""
    cells = values(x, IMAGE)
    for (r, s), (h, w) in taps(g, p, q):
        cells[h][w] = Cell(colour_of_tap(r * g.S + s + 1, g.R * g.S), f"{x[h, w]:g}")
    return cells


def product(x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> str:
    """W x = y, W coloured by tap; one image."""
    matrix, which = conv_matrix(w, g), tap_matrix(g)
    y = matrix @ x.reshape(-1)  # (KPQ,CHW) x (CHW,) -> (KPQ,)
    cells = tap_rows(matrix, which, g.R * g.S)
    outputs, inputs, small = names(k=g.K, p=g.P, q=g.Q), names(c=g.C, h=g.H, w=g.W), 30
    piece = beside(
        grid(Grid("W", cells, rows=outputs, columns=inputs, size=small)),
        sign("×"),
        grid(Grid("x", values(x.reshape(-1, 1), IMAGE), size=small)),  # -> (CHW,1)
        sign("="),
        grid(Grid("y", values(y.reshape(-1, 1), OUTPUT), size=small)),  # (KPQ,) -> (KPQ,1)
    )
    return document(piece, "A convolution as one matrix product")


def im2col(x: np.ndarray, w: np.ndarray, g: ConvGeometry, p: int, q: int) -> str:
    """The windows as rows of a matrix, times the kernel as a column; window (p, q) framed.

    One image, one channel, one filter, no padding.
    """
    unfolded, kernel = columns(x, g)[0], filter_rows(w, g)[0].T
    y = unfolded @ kernel  # (PQ,RSC) x (RSC,1) -> (PQ,1)
    row = p * g.Q + q
    window = Frame(p * g.stride[0], q * g.stride[1], *g.extent)
    outputs, across = names(p=g.P, q=g.Q), names(r=g.R, s=g.S)
    down = [[cell] for line_ in tap_cells(w[0, 0]) for cell in line_]
    piece = beside(
        grid(Grid("x", values(x[0, 0], IMAGE), frames=[window])),
        sign("→"),
        grid(
            Grid(
                *("X, a window a row", values(unfolded, IMAGE), "", [Frame(row, 0, 1, g.R * g.S)]),
                rows=outputs,
                columns=across,
            )
        ),
        sign("×"),
        grid(Grid("w", down)),
        sign("="),
        grid(Grid("y", values(y, OUTPUT), frames=[Frame(row, 0, 1, 1)])),
    )
    return document(piece, "im2col: every window of the image as a row of a matrix")
