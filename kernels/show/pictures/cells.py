"""Arrays as coloured cells."""

from __future__ import annotations

import numpy as np

from kernels.show.pictures.svg import EMPTY, KERNEL, Cell

FAINT = "#b9b6af"
LIGHT_TAP, DARK_TAP = (254, 236, 214), (240, 140, 60)


def blend(share: float, light: tuple[int, int, int], dark: tuple[int, int, int]) -> str:
    """The colour `share` of the way from light to dark."""
    mixed = (round(a + (b - a) * share) for a, b in zip(light, dark, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def colour_of_tap(tap: int, of: int) -> str:
    """Orange for tap 1 to `of`, darker for larger numbers."""
    return blend((tap - 1) / (of - 1), LIGHT_TAP, DARK_TAP) if of > 1 else KERNEL


def short(value: float) -> str:
    """Text of a number for a cell: an integer, or at most two decimals."""
    return f"{value:.0f}" if value == round(value) else f"{value:.2f}".rstrip("0")


def decimal(value: float) -> str:
    """Text of a number with one decimal, of integers without."""
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def values(matrix: np.ndarray, fill: str) -> list[list[Cell]]:
    """Each number of a matrix (R,C) in a cell of one colour."""
    return [[Cell(fill, short(value)) for value in row] for row in matrix.tolist()]


def or_zero(matrix: np.ndarray, fill: str) -> list[list[Cell]]:
    """The same, with a faint 0 on white for each zero."""
    faint = Cell(EMPTY, "0", FAINT)
    return [[Cell(fill, short(v)) if v else faint for v in row] for row in matrix.tolist()]


def tinted(matrix: np.ndarray, light: str, dark: str) -> list[list[Cell]]:
    """Each number, to one decimal, on a colour between the two, the darker the larger."""
    least, span = float(matrix.min()), float(np.ptp(matrix)) or 1.0
    return [
        [Cell(blend((v - least) / span, _rgb(light), _rgb(dark)), decimal(v)) for v in row]
        for row in matrix.tolist()
    ]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def tap_cells(w: np.ndarray) -> list[list[Cell]]:
    """A kernel's plane (R,S), each tap in its colour."""
    R, S = w.shape
    return [
        [Cell(colour_of_tap(r * S + s + 1, R * S), short(float(w[r, s]))) for s in range(S)]
        for r in range(R)
    ]


def tap_rows(matrix: np.ndarray, which: np.ndarray, of: int) -> list[list[Cell]]:
    """A matrix's numbers in the colour of the tap numbered by `which`; empty where that is 0."""
    return [
        [
            Cell(colour_of_tap(tap, of), short(v)) if tap else Cell()
            for v, tap in zip(*row, strict=True)
        ]
        for row in zip(matrix.tolist(), which.tolist(), strict=True)
    ]
