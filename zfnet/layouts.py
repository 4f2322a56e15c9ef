"""Layouts of activations: which axes of a layer's output are maps, and which are positions.

Units are numbered (map, p, q), whatever the shape of an output: planes (K,P,Q) as they are; planes
with the channels last (P,Q,K), with their axes exchanged; tokens (L,D) as D maps of L x 1 units;
features (K,) as K maps of one unit. Of more axes, those that are no places are the maps, in order.
Tokens that are the places of planes in row-major order know their row and column there, whatever
tokens stand before them (a class token).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from minidl import Tensor
from minidl import functional as F

Two = tuple[int, int]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The axes of one image's output, the batch's not counted.

    rows, columns: the axes of the places; None: there is no such axis.
    grid:          (P,Q) of tokens along `rows`; None: the rows are rows.
    extra:         tokens in front of the grid's.
    """

    rows: int | None = None
    columns: int | None = None
    grid: Two | None = None
    extra: int = 0

    @classmethod
    def usual(cls, shape: Shape) -> Layout:
        """The layout of an output about whose axes nothing is known."""
        if len(shape) < 2:
            return cls()
        return cls(0) if len(shape) == 2 else cls(len(shape) - 2, len(shape) - 1)

    @property
    def places(self) -> tuple[int, ...]:
        """The axes of the places, rows first."""
        return tuple(axis for axis in (self.rows, self.columns) if axis is not None)

    def maps(self, shape: Shape) -> tuple[int, ...]:
        """The axes of the maps, in order."""
        return tuple(axis for axis in range(len(shape)) if axis not in self.places)

    def planes(self, shape: Shape) -> tuple[int, int, int]:
        """(K,P,Q): the number of maps, and of places in each."""
        K = math.prod(shape[axis] for axis in self.maps(shape))
        P, Q = (1 if axis is None else shape[axis] for axis in (self.rows, self.columns))
        return K, P, Q

    def plane(self, shape: Shape) -> Two:
        """(H,W) of the plane in which places are counted: the grid of tokens, or rows x columns."""
        return self.planes(shape)[1:] if self.grid is None else self.grid

    def place(self, p: int, q: int) -> Two | None:
        """The row and column in that plane of unit (p, q); None for a token that has no place."""
        if self.grid is None:
            return p, q
        return divmod(p - self.extra, self.grid[1]) if p >= self.extra else None

    def index(self, shape: Shape, map: int, p: int, q: int) -> tuple[int, ...]:
        """The index of a unit in one image's output of `shape`."""
        axes = self.maps(shape)
        at: dict[int | None, int] = {self.rows: p, self.columns: q}
        at |= zip(axes, _map_index(map, [shape[axis] for axis in axes]), strict=True)
        return tuple(at[axis] for axis in range(len(shape)))

    def planar(self, y: np.ndarray) -> np.ndarray:
        """A batch of outputs as (N,K,P,Q), a view where the axes allow it."""
        shape = y.shape[1:]
        order = (*self.maps(shape), *self.places)
        # (N,...) -> (N,maps...,rows,columns) -> (N,K,P,Q)
        return y.transpose(0, *(1 + axis for axis in order)).reshape(len(y), *self.planes(shape))

    @property
    def channels_first(self) -> bool:
        """Whether this is (K,P,Q)."""
        return (self.rows, self.columns, self.grid) == (1, 2, None)

    def tensor_as_planes(self, x: Tensor) -> Tensor:
        """(N,P,Q,K) -> (N,K,P,Q) on the tape, for outputs of three axes."""
        return x if self.channels_first else F.transpose(x, (0, *(1 + a for a in self._order)))

    def tensor_of_planes(self, x: Tensor) -> Tensor:
        """The inverse of `tensor_as_planes`."""
        inverse = (1 + int(axis) for axis in np.argsort(self._order))
        return x if self.channels_first else F.transpose(x, (0, *inverse))

    @property
    def _order(self) -> tuple[int, ...]:
        """The axes of three in the order maps, rows, columns."""
        return (*self.maps((1, 1, 1)), *self.places)


def _map_index(map: int, sizes: Sequence[int]) -> list[int]:
    """The index along each axis of the maps."""
    return [int(i) for i in np.unravel_index(map, tuple(sizes))] if sizes else []


def transposed(layout: Layout, axes: Sequence[int]) -> Layout:
    """After a transposition to `axes`, the batch's not counted."""

    def moved(axis: int | None) -> int | None:
        return None if axis is None else list(axes).index(axis)

    return replace(layout, rows=moved(layout.rows), columns=moved(layout.columns))


def reshaped(layout: Layout, before: Shape, after: Shape) -> Layout | None:
    """After a reshaping; None where places and maps are mixed.

    Rows and columns that become one axis are tokens; tokens that are cut into the rows and columns
    of their grid are planes again. Maps may be cut and joined.
    """
    if layout.rows is None:
        return None
    found: dict[str, int | None] = {"rows": None, "columns": None}
    grid, extra = layout.grid, layout.extra
    for inner, outer in _groups(before, after):
        own = [axis for axis in inner if axis in layout.places]
        big = [axis for axis in outer if after[axis] != 1] or list(outer[:1])
        solid = [axis for axis in inner if before[axis] != 1 or axis in own]
        if not own:
            continue
        if own != solid:
            return None
        if len(own) == len(big) == 1:
            found["rows" if own[0] == layout.rows else "columns"] = big[0]
        elif own == [layout.rows, layout.columns] and len(big) == 1:
            found, grid = {"rows": big[0], "columns": None}, (before[own[0]], before[own[1]])
        elif grid and extra == 0 and tuple(after[axis] for axis in big) == grid:
            found, grid = {"rows": big[0], "columns": big[1]}, None
        else:
            return None
    if found["rows"] is None:
        return None
    return Layout(found["rows"], found["columns"], grid, extra)


def _groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes of one size in the smallest groups of equal products."""
    groups, i, j = [], 0, 0
    while i < len(before) or j < len(after):
        first = i, j
        a = b = 1
        while True:
            if a <= b and i < len(before) and (a < b or i == first[0]):
                a, i = a * before[i], i + 1
            elif j < len(after) and (b < a or j == first[1]):
                b, j = b * after[j], j + 1
            elif i < len(before):
                a, i = a * before[i], i + 1
            elif j < len(after):
                b, j = b * after[j], j + 1
            if a == b and i > first[0] and j > first[1]:
                break
            if i == len(before) and j == len(after):
                break
        groups.append((list(range(first[0], i)), list(range(first[1], j))))
    return groups
