"""A matrix as text: index names on rows and columns, a dot for every zero."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

Name = tuple[str, ...]


def names(**sizes: int) -> list[Name]:
    """names(p=2, q=2) -> ("p0", "q0"), ("p0", "q1"), ...; axes of size 1 are left out.

    The last axis varies fastest, as in a flattened array.
    """
    shown = {axis: size for axis, size in sizes.items() if size != 1}
    shown = shown or dict(list(sizes.items())[-1:])
    return list(product(*([f"{axis}{i}" for i in range(size)] for axis, size in shown.items())))


def table(
    matrix: np.ndarray,
    rows: Sequence[Name] = (),
    columns: Sequence[Name] = (),
    *,
    zero: str = ".",
) -> str:
    """`matrix` (R,C) in aligned columns, with as many decimals as it needs, at most two.

    A zero is a dot, so that other numbers are easy to see. An index of a column's name is written
    only where it changes. ValueError if the number of names is not that of rows and columns.
    """
    _check_names(matrix, rows, columns)
    cells = _written(matrix, zero)
    width = 1 + max([len(cell) for line in cells for cell in line] + _lengths(columns), default=1)
    heads = [" ".join(name) for name in rows] or [""] * len(cells)
    margin = max([len(head) for head in heads], default=0)
    lines = [" " * margin + _heading(axis, width) for axis in zip(*columns, strict=True)]
    for head, line in zip(heads, cells, strict=True):
        lines.append(head.ljust(margin) + "".join(cell.rjust(width) for cell in line))
    return "\n".join(line.rstrip() for line in lines)


def _check_names(matrix: np.ndarray, rows: Sequence[Name], columns: Sequence[Name]) -> None:
    for names_, size, what in zip((rows, columns), matrix.shape, ("rows", "columns"), strict=True):
        if names_ and len(names_) != size:
            raise ValueError(f"{len(names_)} names for {size} {what} of a matrix {matrix.shape}")


def _lengths(columns: Sequence[Name]) -> list[int]:
    return [len(index) for name in columns for index in name]


def _heading(indices: Sequence[str], width: int) -> str:
    return "".join(index.rjust(width) for index in changes(indices))


def changes(indices: Sequence[str]) -> list[str]:
    """Each index where it differs from the one before, otherwise ""."""
    before = [None, *indices]
    return [now if now != was else "" for now, was in zip(indices, before, strict=False)]


def _written(matrix: np.ndarray, zero: str) -> list[list[str]]:
    decimals = next((d for d in (0, 1) if (matrix == np.round(matrix, d)).all()), 2)
    return [[f"{v:.{decimals}f}" if v else zero for v in row] for row in matrix.tolist()]
