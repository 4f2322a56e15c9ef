"""Picture of a worked example (`sheets.py`), by its operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kernels.show.pictures.convolution import product
from kernels.show.pictures.steps import contrast, pooling, winograd
from kernels.show.pictures.transposed import transposed
from kernels.show.sheets import Sheet
from kernels.show.steps import contrast_steps, winograd_tile

MOST_CELLS = 20_000


def of_sheet(sheet: Sheet) -> str:
    """The SVG of the sheet's first image (and first channel, where planes are independent).

    ValueError if there is no picture of the operation, or too much to draw.
    """
    if sheet.operation not in _PICTURES:
        raise ValueError(
            f"there is no picture of {sheet.operation}; there is of {', '.join(_PICTURES)}"
        )
    largest = max(section.values.size for section in sheet.sections)
    if largest > MOST_CELLS:
        raise ValueError(
            f"a picture of {largest} cells is too large; up to {MOST_CELLS} are drawn, such as the "
            "matrix of one channel of 12x12 pixels"
        )
    return _PICTURES[sheet.operation](sheet)


def _conv2d(sheet: Sheet) -> str:
    tiles = [section.values for section in sheet.sections if section.name == "d"]
    if tiles:
        return winograd(winograd_tile(tiles[0], sheet.arguments[1][0, 0]))
    return product(sheet.arguments[0][:1], sheet.arguments[1], sheet.geometry)


def _conv2d_dgrad(sheet: Sheet) -> str:
    return transposed(sheet.arguments[0][:1], sheet.arguments[1], sheet.geometry)


def _pooling(sheet: Sheet) -> str:
    g = replace(sheet.geometry, N=1, C=1)
    rows = next(section.values for section in sheet.sections if section.name == "x")
    return pooling(rows[: g.H].reshape(g.x_shape), g)  # (NCH,W) -> (1,1,H,W), the first plane


def _contrast(sheet: Sheet) -> str:
    first = sheet.arguments[0][0]
    return contrast(first, contrast_steps(first, sheet.geometry))


_PICTURES: dict[str, Callable[[Sheet], str]] = {
    "conv2d": _conv2d,
    "conv2d_dgrad": _conv2d_dgrad,
    "max_pool2d": _pooling,
    "max_unpool2d": _pooling,
    "local_contrast_norm": _contrast,
}
