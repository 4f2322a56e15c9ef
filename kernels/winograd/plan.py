"""Tiling of a plane by Winograd tiles, for any window, stride and padding.

Stride s becomes stride 1 by splitting input and filter into phases: every s-th pixel and tap. The
phases are further channels of one stride-1 convolution, whose filters have ceil(R / s) taps or one
less. The transpose has its phases at the output. So along each axis there are tiles over positions
u, at which input phase f has its pixels and output phase q its results:

    input pixel of tap j:  in_step (u + j) + in_at[f]        output pixel:  out_step u + out_at[q]

A tile of m positions needs the products of m + r - 1 points (`toom_cook.py`). The tiles of a chunk
are rows of one matrix at each of the 8 x 8 points, in the order of bands (rows of tiles) and of
tiles in them; at points that small tiles do not use, these have no row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.winograd.layout import Chunk, Tiling
from kernels.winograd.toom_cook import MOST, MOST_TAPS, amplification, growth, place


@dataclass(frozen=True)
class Axis:
    """Tiles along one axis. taps[f]: of input phase f. tap(f, q, j): which of the filter's."""

    first: int
    count: int
    taps: tuple[int, ...]
    in_step: int
    in_at: tuple[int, ...]
    out_step: int
    out_at: tuple[int, ...]
    filter_taps: tuple[tuple[tuple[int, ...], ...], ...]
    """[f][q][j]: the tap of the whole filter, -1 where there is none."""

    @cached_property
    def tiles(self) -> np.ndarray:
        """(tiles, 2) int64: first position and size; as few tiles as the points allow.

        All of about one size, for these need the fewest points; or all but the last as large as can
        be, where that saves products: at a point that a phase of fewer taps has in the largest
        tiles alone, it is multiplied in all, for nothing in the smaller ones.
        """
        most = MOST + 1 - max(self.taps)
        number = -(-self.count // most)
        even = [(self.count + number - 1 - i) // number for i in range(number)]
        full = [most] * (number - 1) + [self.count - most * (number - 1)]
        sizes = min(even, full, key=self._products)
        starts = self.first + np.cumsum([0, *sizes[:-1]])
        return np.array([starts, sizes], np.int64).T.copy()

    def _products(self, sizes: list[int]) -> int:
        """Of tiles of these sizes, all phases at all points that a tile and a phase have."""
        phases = [_places(max(sizes) + taps - 1) for taps in self.taps]
        return sum(  # of few sizes, however many tiles there are
            number * len(_places(size + max(self.taps) - 1) & phase)
            for size, number in Counter(sizes).items()
            for phase in phases
        )

    def members(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For tiles by number: (each one's row at each point (n, MOST), rows at each point)."""
        sizes = self.tiles[which, 1]
        of_size = np.zeros((sizes.max(initial=0) + 1, MOST), np.int64)
        for size in np.unique(sizes):
            of_size[size, [*_places(int(size) + max(self.taps) - 1)]] = 1
        uses = of_size[sizes]
        return np.cumsum(uses, axis=0) - uses, uses.sum(axis=0)

    def points(self, f: int) -> np.ndarray:
        """(MOST,) bool: the points that phase f uses in the largest tiles."""
        places = _places(self.largest + self.taps[f] - 1)
        return np.isin(np.arange(MOST), [*places])

    @property
    def largest(self) -> int:
        """Outputs of the largest tile."""
        return int(self.tiles[:, 1].max())

    @property
    def amplification(self) -> float:
        """The largest of any tile and phase."""
        return max(amplification(int(m), r) for m in set(self.tiles[:, 1]) for r in self.taps)

    @property
    def growth(self) -> float:
        """The largest of any tile and phase."""
        return max(growth(int(m), r) for m in set(self.tiles[:, 1]) for r in self.taps)


def _places(products: int) -> set[int]:
    """The points of so many products, as they are numbered among all."""
    return {place(i, products) for i in range(products)}


def fprop_axis(g: ConvGeometry, axis: int) -> Axis:
    """From x to y: input phases."""
    size, stride, before = (g.R, g.S)[axis], g.stride[axis], g.padding[2 * axis]
    phases = range(min(stride, size))
    taps = tuple(-(-(size - a) // stride) for a in phases)
    return Axis(
        *(0, (g.P, g.Q)[axis], taps, stride, tuple(a - before for a in phases), 1, (0,)),
        tuple((tuple(stride * j + a for j in range(taps[a])),) for a in phases),
    )


def dgrad_axis(g: ConvGeometry, axis: int) -> Axis:
    """From gy to gx: the filter flipped, output phases."""
    size, stride, before = (g.R, g.S)[axis], g.stride[axis], g.padding[2 * axis]
    taps = -(-size // stride)
    first, last = before // stride, ((g.H, g.W)[axis] - 1 + before) // stride
    flipped = [[stride * (taps - 1 - j) + a for j in range(taps)] for a in range(stride)]
    found = tuple(tuple(t if t < size else -1 for t in row) for row in flipped)
    return Axis(
        *(first, last - first + 1, (taps,), 1, (1 - taps,)),
        *(stride, tuple(a - before for a in range(stride)), (found,)),
    )


@dataclass(frozen=True, eq=False)
class Plan:
    """Both axes. There is one for a geometry, so it is known by its identity."""

    rows: Axis
    columns: Axis

    @cached_property
    def phases(self) -> list[tuple[int, int]]:
        """The input phases, (row, column)."""
        return [(a, b) for a in range(len(self.rows.taps)) for b in range(len(self.columns.taps))]

    @cached_property
    def out_phases(self) -> list[tuple[int, int]]:
        places = self.rows.out_at, self.columns.out_at
        return [(a, b) for a in range(len(places[0])) for b in range(len(places[1]))]

    @cached_property
    def ordinals(self) -> np.ndarray:
        """(phases, points) int64: which of those at a point each phase is, -1 where it has none."""
        uses = np.array(
            [np.outer(self.rows.points(a), self.columns.points(b)).ravel() for a, b in self.phases]
        )
        return np.where(uses, np.cumsum(uses, axis=0) - 1, -1)

    @cached_property
    def phases_at(self) -> np.ndarray:
        """(points,) int64: how many phases use each point."""
        return (self.ordinals >= 0).sum(axis=0)

    @property
    def points(self) -> int:
        """That the largest tiles use."""
        return int((self.phases_at > 0).sum())

    def _taps(self) -> np.ndarray:
        """(phases out_phases, 2 MOST) int64: the filter's taps, rows then columns, -1 for none."""
        pairs = list(product(self.phases, self.out_phases))
        table = np.full((len(pairs), 2, MOST), -1, np.int64)
        for of_pair, ((a, b), (c, d)) in zip(table, pairs, strict=True):
            taps = self.rows.filter_taps[a][c], self.columns.filter_taps[b][d]
            for of_axis, some in zip(of_pair, taps, strict=True):
                of_axis[: len(some)] = some
        return table.reshape(len(pairs), 2 * MOST)  # (pairs,2,MOST) -> (pairs,2 MOST)

    @cached_property
    def products(self) -> int:
        """Of one image, one channel and one filter, all phases."""
        every = np.arange(len(self.rows.tiles)), np.arange(len(self.columns.tiles))
        rows, columns = self.rows.members(every[0])[1], self.columns.members(every[1])[1]
        return int((np.outer(rows, columns).ravel() * self.phases_at).sum()) * len(self.out_phases)

    @cached_property
    def amplification(self) -> float:
        """Of both axes: their matrices multiply."""
        return self.rows.amplification * self.columns.amplification

    @property
    def growth(self) -> float:
        """Of both axes: their matrices multiply."""
        return self.rows.growth * self.columns.growth

    @cached_property
    def tiling(self) -> Tiling:
        """The plan as the compiled passes read it."""
        r, c = self.rows, self.columns
        return Tiling(
            rows=r.tiles,
            columns=c.tiles,
            phases=np.array(
                [(r.taps[a], c.taps[b], r.in_at[a], c.in_at[b]) for a, b in self.phases]
            ),
            out_phases=np.array([(r.out_at[a], c.out_at[b]) for a, b in self.out_phases]),
            ordinals=self.ordinals,
            taps=self._taps(),
            most_taps=(max(r.taps), max(c.taps)),
            largest=(r.largest, c.largest),
            in_step=(r.in_step, c.in_step),
            out_step=(r.out_step, c.out_step),
        )

    @property
    def transform_roundings(self) -> int:
        """On the way of one term through the three transforms: at most n on each side of each."""
        return 6 * MOST


@lru_cache(maxsize=128)
def fprop_plan(g: ConvGeometry) -> Plan:
    return Plan(fprop_axis(g, 0), fprop_axis(g, 1))


@lru_cache(maxsize=128)
def dgrad_plan(g: ConvGeometry) -> Plan:
    return Plan(dgrad_axis(g, 0), dgrad_axis(g, 1))


def supports(g: ConvGeometry) -> bool:
    """Neighbouring taps, of which each phase has 2 to 5 along both axes; planes with pixels."""
    taps = [-(-size // stride) for size, stride in zip((g.R, g.S), g.stride, strict=True)]
    planes = min(g.H, g.W, g.P, g.Q) > 0
    return planes and g.dilation == (1, 1) and all(2 <= r <= MOST_TAPS for r in taps)


def chunk(plan: Plan, first: int, last: int) -> Chunk:
    """The bands from `first` to `last` of the batch, of images one after the other."""
    which = np.arange(first, last) % len(plan.rows.tiles)
    band_rank, band_count = plan.rows.members(which)
    column_rank, column_count = plan.columns.members(np.arange(len(plan.columns.tiles)))
    rows = np.outer(band_count, column_count).ravel()
    return Chunk(first, which, band_rank, column_rank, column_count, rows)
