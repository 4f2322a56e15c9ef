"""Tiles of a plane, and their rows in the matrices at Winograd's points.

An axis is covered by tiles of m outputs, each with n = m + 2 products. Product i of a tile belongs
to point i, the last one to infinity, which is the last of all points; so tiles of different sizes
use the same transformed filters (`kernels/winograd/toom_cook.py`). At each point, the tiles that
have the point are the rows of one matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.ladder.packing import RUN
from kernels.ladder.register_block import NR
from kernels.ladder.step import Filters, rounded_up
from kernels.winograd.toom_cook import amplification, at_points, filter_matrix


class Axis(NamedTuple):
    """Tiles along one axis; compiled code reads it by these names.

    starts, sizes: (tiles,) first output and number of outputs of each.
    ranks:         (tiles, points) number of tiles before this one that have the point.
    counts:        (points,) number of tiles that have it.
    """

    starts: np.ndarray
    sizes: np.ndarray
    ranks: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, sizes: Sequence[int], points: int) -> Axis:
        """Adjacent tiles of these sizes, with `points` points in all."""
        m = np.array(sizes, np.int64)
        has = np.zeros((len(m), points), np.int64)
        for tile, size in enumerate(sizes):
            has[tile, : size + 1] = has[tile, -1] = 1
        return cls(np.cumsum(m) - m, m, np.cumsum(has, axis=0) - has, has.sum(axis=0))


@dataclass(frozen=True)
class Tiling:
    """Tiles of a plane: an axis of rows times an axis of columns."""

    rows: Axis
    columns: Axis

    @classmethod
    def uniform(cls, P: int, Q: int, m: int) -> Tiling:
        """Tiles of m x m that cover P x Q pixels; the last may extend beyond the border."""
        rows, columns = (Axis.of([m] * -(-size // m), m + 2) for size in (P, Q))
        return cls(rows, columns)

    @property
    def products(self) -> int:
        """Products of one image, one channel and one filter."""
        return int(self.rows.counts.sum() * self.columns.counts.sum())

    def operations(self, g: ConvGeometry) -> int:
        """Operations of the products at all points. Those of the transforms are few and not
        counted, so a share of peak is never overstated."""
        return 2 * g.N * g.K * g.C * self.products

    def roundings(self, g: ConvGeometry) -> float:
        """The norm-wise bound: amplification times roundings; see `winograd_tiles.roundings`.

        A term passes at most n roundings on each side of each transform, one for each channel of
        the sum, and one for its transformed filter, which is rounded once.
        """
        sizes = {m for axis in (self.rows, self.columns) for m in axis.sizes.tolist()}
        along = max(amplification(m, 3) for m in sizes)
        return along**2 * (4 * (max(sizes) + 2) + g.C + 1)


def filters_at_points(w: np.ndarray, points: int) -> Filters:
    """U = G w G^T: w (K,C,3,3) -> (points,points,K'/NR,C',NR), packed as in `packing.py`."""
    K, C, _, _ = w.shape
    G = np.array(at_points(filter_matrix(3), points), np.float64)
    values = np.zeros((points, points, rounded_up(C, RUN), rounded_up(K, NR)), w.dtype)
    # (i,r) x (K,C,R,S) x (j,s) -> (i,j,C,K), in float64, rounded once
    values[:, :, :C, :K] = np.einsum("ir,kcrs,js->ijck", G, w, G, optimize=True)
    panels = values.reshape(points, points, -1, values.shape[-1] // NR, NR)  # -> (i,j,C',J,NR)
    # (i,j,C',J,NR) -> (i,j,J,C',NR)
    return Filters(np.ascontiguousarray(panels.transpose(0, 1, 3, 2, 4)), K)


def supports(g: ConvGeometry) -> bool:
    """Filters of 3x3."""
    return (g.R, g.S) == (3, 3)
