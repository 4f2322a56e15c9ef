"""The Winograd tile of one output of a convolution, with every matrix that leads to it.

    V = B^T d B        U = G g G^T        M = sum over c of U o V        y = A^T M A

of the tile of outputs in which (p,q) lies, with the matrices and the tiling of the kernel
`winograd_tiles` (`kernels/winograd/toom_cook.py`, `plan.py`). With a stride above 1 the tile's
pixels and taps are split into phases, each with its own d, g, U and V, whose products are added.
All in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kernels.contract.geometry import ConvGeometry
from kernels.winograd import toom_cook
from kernels.winograd.plan import Axis, fprop_plan, supports
from kernels.winograd.toom_cook import MOST, place
from zfnet.look.inside.channel_sums import Place
from zfnet.look.inside.window_sum import cut, require_place


@dataclass(frozen=True, eq=False)
class Side:
    """Along one axis: the matrices of a tile of m outputs and of a phase of r taps.

    points: (n,), which of the points each of the n = m + r - 1 products belongs to.
    pixels: (n,), the rows or columns of the tile's pixels.   taps: (r,), of the whole filter.
    BT (n,n), G (n,r), AT (m,n).
    """

    points: np.ndarray
    pixels: np.ndarray
    taps: np.ndarray
    BT: np.ndarray
    G: np.ndarray
    AT: np.ndarray


@dataclass(frozen=True, eq=False)
class Phase:
    """One phase of the tile, of all channels of the group; one phase alone at stride 1.

    d: (C/groups,n1,n2) the pixels, 0 in the padding.   g: (C/groups,r1,r2) the filter's taps.
    """

    rows: Side
    columns: Side
    d: np.ndarray
    g: np.ndarray

    @property
    def V(self) -> np.ndarray:
        """B^T d B, (C/groups,n1,n2)."""
        return self.rows.BT @ self.d @ self.columns.BT.T  # (n1,n1) x (C,n1,n2) x (n2,n2)

    @property
    def U(self) -> np.ndarray:
        """G g G^T, (C/groups,n1,n2)."""
        return self.rows.G @ self.g @ self.columns.G.T  # (n1,r1) x (C,r1,r2) x (r2,n2)

    @property
    def products(self) -> np.ndarray:
        """U o V, (C/groups,n1,n2)."""
        return self.U * self.V


@dataclass(frozen=True, eq=False)
class WinogradTile:
    """The tile of outputs in which one output lies.

    at:     (n,k,p,q).
    origin: (p,q) of the tile's first output; within: that of the output in the tile.
    phases: of the stride, in the kernel's order.
    AT:     of rows and of columns, (m, MOST), with a column for every point.
    """

    g: ConvGeometry
    at: Place
    origin: tuple[int, int]
    within: tuple[int, int]
    phases: tuple[Phase, ...]
    AT: tuple[np.ndarray, np.ndarray]
    bias: float

    @property
    def M(self) -> np.ndarray:
        """The products summed over channels and phases at every point, (MOST,MOST)."""
        M = np.zeros((MOST, MOST))
        for phase in self.phases:
            M[np.ix_(phase.rows.points, phase.columns.points)] += phase.products.sum(axis=0)
        return M

    @property
    def used(self) -> tuple[np.ndarray, np.ndarray]:
        """The points of rows and of columns that a phase uses, in order."""
        rows = np.unique(np.concatenate([phase.rows.points for phase in self.phases]))
        return rows, np.unique(np.concatenate([phase.columns.points for phase in self.phases]))

    @property
    def outputs(self) -> np.ndarray:
        """A^T M A, (m1,m2), and the bias."""
        rows, columns = self.AT
        return rows @ self.M @ columns.T + self.bias  # (m1,MOST) x (MOST,MOST) x (MOST,m2)

    @property
    def result(self) -> float:
        return float(self.outputs[self.within])

    @property
    def products(self) -> int:
        """Multiplications of a channel in this tile."""
        return sum(phase.d[0].size for phase in self.phases) if self.phases[0].d.size else 0

    @property
    def definition_products(self) -> int:
        """Multiplications of a channel for the same outputs by the definition."""
        return self.outputs.size * self.g.R * self.g.S


def winograd_tile(
    x: np.ndarray,
    filter: np.ndarray,
    g: ConvGeometry,
    at: Sequence[int],
    bias: float | None = None,
) -> WinogradTile:
    """The tile of output `at` (n,k,p,q): x (N,C,H,W), filter k (C/groups,R,S), its bias.

    ValueError for a convolution that Winograd's tiles do not serve, or no such output.
    """
    n, k, p, q = require_place(at, g.y_shape, "output")
    if not supports(g):
        raise ValueError(
            f"Winograd's tiles do not serve a window of {g.R}x{g.S} with stride {g.stride} and "
            f"dilation {g.dilation}: they take dilation 1, and 2 to {toom_cook.MOST_TAPS} taps in "
            "each phase of the stride along both axes"
        )
    plan = fprop_plan(replace(g, N=1))
    (top, m1), (left, m2) = _tile(plan.rows, p), _tile(plan.columns, q)
    channels, first = g.C // g.groups, k // (g.K // g.groups) * (g.C // g.groups)
    planes, w = x[n, first : first + channels], filter.astype(np.float64)
    phases = []
    for a, b in plan.phases:
        rows, columns = _side(plan.rows, a, top, m1), _side(plan.columns, b, left, m2)
        taps = w[:, rows.taps[:, None], columns.taps]  # (C,R,S) -> (C,r1,r2)
        pixels = cut(planes, rows.pixels, columns.pixels)
        phases.append(Phase(rows, columns, pixels, taps))
    ends = (_array(toom_cook.output_matrix(m1)), _array(toom_cook.output_matrix(m2)))
    within = p - top, q - left
    found = 0.0 if bias is None else float(bias)
    return WinogradTile(g, (n, k, p, q), (top, left), within, tuple(phases), ends, found)


def _tile(axis: Axis, at: int) -> tuple[int, int]:
    """The first position and the size of the tile that has position `at`."""
    starts = axis.tiles[:, 0]
    start, size = axis.tiles[int(np.searchsorted(starts, at, side="right")) - 1]
    return int(start), int(size)


def _side(axis: Axis, phase: int, start: int, m: int) -> Side:
    r = axis.taps[phase]
    n = m + r - 1
    points = np.array([place(i, n) for i in range(n)])
    taps = np.array(axis.filter_taps[phase][0])
    pixels = axis.in_step * (start + np.arange(n)) + axis.in_at[phase]
    G, AT = _array(toom_cook.filter_matrix(r)), _array(toom_cook.output_matrix(m))
    BT = _array(toom_cook.input_matrix(n))
    return Side(points, pixels, taps, BT, G[points], AT[:, points])


def _array(matrix: toom_cook.Matrix) -> np.ndarray:
    return np.array(matrix, np.float64)
