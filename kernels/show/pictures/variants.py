"""Pictures of stride, padding, dilation and groups: the matrix of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.show.matrices import padded, tap_matrix
from kernels.show.pictures.cells import colour_of_tap, tap_rows
from kernels.show.pictures.svg import (
    EMPTY,
    IMAGE,
    Cell,
    Grid,
    Piece,
    above,
    beside,
    document,
    grid,
    line,
)

SMALL = 20


def variants(cases: Sequence[tuple[str, ConvGeometry]]) -> str:
    """For each (title, geometry) the first window on the padded image, and the whole matrix."""
    return document(above(*(_variant(*case) for case in cases), gap=34), "What changes the matrix")


def _variant(title: str, g: ConvGeometry) -> Piece:
    which = tap_matrix(g)
    cells = tap_rows(which, which, g.R * g.S)
    matrix = Grid("", cells, note=f"W, {which.shape[0]} × {which.shape[1]}", size=SMALL)
    image = Grid("", _padded_window(g), note="the first window", size=SMALL)
    return above(line(title), beside(grid(image), grid(matrix), gap=44), gap=10)


def _padded_window(g: ConvGeometry) -> list[list[Cell]]:
    """One channel of the padded image with the taps of the first window."""
    inside = padded(np.ones((1, 1, g.H, g.W)), g.padding)[0, 0]
    cells = [[Cell(IMAGE if v else EMPTY) for v in row] for row in inside.tolist()]
    for r, s in np.ndindex(g.R, g.S):
        tap = r * g.S + s + 1
        cells[r * g.dilation[0]][s * g.dilation[1]] = Cell(colour_of_tap(tap, g.R * g.S), str(tap))
    return cells
